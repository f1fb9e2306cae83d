//! # NOT NULL without a scan under the strong lock
//!
//! `SET NOT NULL` reads the whole table under ACCESS EXCLUSIVE, unless a validated check proves it already (12 and later). On 18 the
//! NOT NULL constraint itself can be added NOT VALID and validated.
