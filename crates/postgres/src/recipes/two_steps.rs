//! # A constraint in two steps
//!
//! A check or a foreign key is added NOT VALID, which takes its strong lock for a moment only, and validated in a transaction of its
//! own, which reads the rows under a lock that stops no application.
