//! The facts against real servers: for each statement, what the facts predict is compared with what the server does, and with
//! what was recorded of all versions where the shared cases are here. `make facts` runs it on every version.

mod harness;
mod own;
mod page;
mod shared;
