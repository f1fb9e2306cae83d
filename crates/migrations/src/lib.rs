//! Folders of migrations, each as the tool that runs it wants it: what is there, in the tool's own order and with its own
//! transactions, and the next files. One file a tool, under `formats`; what tools do with names, checksums and transactions
//! was found by running them (docs/formats.md).
//!
//! Nothing here talks to a database, and nothing but the folder is read.

mod dialect;
mod files;
pub mod formats;
mod migration;
mod names;
mod text;
mod unchecked;

pub use dialect::Dialect;
pub use files::{Files, Written};
pub use formats::{FORMATS, detect, named};
pub use migration::{Baseline, Down, Format, Message, Migration, Mode, New, Program, Stuck, Trouble};
pub use names::{next_number, next_stamp, slug};
pub use text::{escaped, header, joined, statements, terminated};
