// The frame around every page: mark, navigation, whether the JobManager is there, and the page that the address names.
import { useEffect } from "react";
import { useConnection } from "./live/connection";
import { ConnectionSign } from "./parts/ConnectionSign";
import { Fault } from "./parts/Fault";
import { LostBanner } from "./parts/LostBanner";
import { Mark } from "./parts/Mark";
import { JobPage } from "./pages/job/JobPage";
import { Overview } from "./pages/overview/Overview";
import { TaskManagerPage } from "./pages/taskmanagers/TaskManagerPage";
import { TaskManagersPage } from "./pages/taskmanagers/TaskManagersPage";
import type { Route } from "./route";
import { useRoute } from "./useRoute";

export function App() {
  const route = useRoute();
  const { lostSince } = useConnection();
  const place = placeOf(route);
  // A new place starts at its top; a tab of the same place does not.
  useEffect(() => {
    // Braces matter: newer browsers return a promise from scrollTo, which React would take for a clean-up.
    window.scrollTo(0, 0);
  }, [place]);

  const inJobs = route.page === "overview" || route.page === "job";
  return (
    <>
      <a className="skip" href="#content" onClick={focusContent}>
        Skip to the content
      </a>
      <header className="frame">
        <div className="frame-inner">
          <a className="brand" href="#/">
            <Mark />
            <span>Irmak</span>
          </a>
          <nav aria-label="Main">
            <a href="#/" aria-current={inJobs ? "page" : undefined}>
              Jobs
            </a>
            <a href="#/taskmanagers" aria-current={inJobs ? undefined : "page"}>
              TaskManagers
            </a>
          </nav>
          <ConnectionSign />
        </div>
        <LostBanner />
      </header>
      <main id="content" tabIndex={-1} className={lostSince === null ? "" : "stale"}>
        <Fault key={place}>
          <Page route={route} />
        </Fault>
      </main>
    </>
  );
}

function Page({ route }: { route: Route }) {
  switch (route.page) {
    case "overview":
      return <Overview />;
    case "job":
      return <JobPage key={route.jobId} jobId={route.jobId} tab={route.tab} vertexId={route.vertexId} />;
    case "taskManagers":
      return <TaskManagersPage />;
    case "taskManager":
      return <TaskManagerPage key={route.id} id={route.id} />;
  }
}

function placeOf(route: Route): string {
  if (route.page === "job") return `job ${route.jobId}`;
  return route.page === "taskManager" ? `taskManager ${route.id}` : route.page;
}

/** The hash is the page's address, so the skip link moves the focus by hand. */
function focusContent(event: React.MouseEvent): void {
  event.preventDefault();
  document.getElementById("content")?.focus();
}
