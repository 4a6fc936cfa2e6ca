// Keeps a fault of the page itself from leaving a blank page: says what happened and what still works.
import { Component, type ReactNode } from "react";
import { Empty } from "./Empty";

interface State {
  message: string | null;
}

export class Fault extends Component<{ children: ReactNode }, State> {
  override state: State = { message: null };

  static getDerivedStateFromError(error: unknown): State {
    return { message: error instanceof Error ? error.message : String(error) };
  }

  override render(): ReactNode {
    if (this.state.message === null) return this.props.children;
    return (
      <Empty title="This page has a fault of its own.">
        {this.state.message}. Jobs are not touched by it. Reload the page, or go to <a href="#/">all jobs</a>.
      </Empty>
    );
  }
}
