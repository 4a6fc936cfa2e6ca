//! REST against a core that was fed with events: over the router for statuses and guards, and by its functions for shapes.

mod calls;
mod endpoints;
mod shape;
mod shapes;
pub(crate) mod world;
