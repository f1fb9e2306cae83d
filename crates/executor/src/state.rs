//! What a run that stopped leaves behind.

use std::fmt;

/// What a run that stopped left in the database.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Left {
    /// The ids of the steps that this run committed, in order.
    pub committed: Vec<String>,
    /// How many batches these are.
    pub batches: usize,
    /// How many batches the run would have had.
    pub of_batches: usize,
    /// The steps of the batch in which it stopped, of which nothing remains.
    pub undone: Vec<String>,
    /// Steps of which it is not known whether they were done, as the connection broke.
    pub unsure: Vec<String>,
    /// A step outside a transaction of which some statements were done.
    pub partly: Option<Partly>,
    /// How far a backfill has come that was stopped, in words, where the next run goes on from there.
    pub backfill: Option<String>,
    /// Invalid indexes that were not there before, qualified and quoted.
    pub invalid_indexes: Vec<String>,
    /// What was taken away, or finished, after a step failed halfway: the statements.
    pub repaired: Vec<String>,
}

/// A step of which some statements were done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partly {
    /// Its id.
    pub step: String,
    /// How many of its statements were done.
    pub done: usize,
    /// How many it has.
    pub of: usize,
}

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.committed.as_slice() {
            [] => f.write_str("Nothing was committed by this run")?,
            committed => {
                let are = if self.batches == 1 { "is" } else { "are" };
                write!(f, "{} of {} batches {are} committed ({})", self.batches, self.of_batches, range(committed))?;
            }
        }
        if !self.undone.is_empty() {
            write!(f, "; nothing remains of the batch that stopped ({})", range(&self.undone))?;
        }
        if let Some(partly) = &self.partly {
            write!(f, "; of {}, {} of {} statements are done", partly.step, partly.done, partly.of)?;
        }
        if let Some(reached) = &self.backfill {
            write!(f, "; {reached}")?;
        }
        if !self.unsure.is_empty() {
            write!(f, "; whether {} is done is not known, as the connection broke", range(&self.unsure))?;
        }
        if !self.invalid_indexes.is_empty() {
            write!(
                f,
                "; left behind and invalid: {} (no query uses it, but writes keep it up; the next plan takes it away)",
                self.invalid_indexes.join(", ")
            )?;
        }
        if !self.repaired.is_empty() {
            write!(f, "; what it had left was put right ({})", self.repaired.join("; "))?;
        }
        f.write_str(". It is safe to run again: the next plan starts from what is there.")
    }
}

fn range(steps: &[String]) -> String {
    match steps {
        [] => String::new(),
        [one] => one.clone(),
        [first, .., last] => format!("{first} to {last}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_is_there() {
        let left = Left {
            committed: vec!["s001".to_owned(), "s002".to_owned()],
            batches: 1,
            of_batches: 3,
            invalid_indexes: vec!["public.i".to_owned()],
            ..Left::default()
        };
        let text = left.to_string();
        assert!(
            text.starts_with("1 of 3 batches is committed (s001 to s002); left behind and invalid: public.i"),
            "{text}"
        );
        assert!(Left::default().to_string().starts_with("Nothing was committed by this run. It is safe"));
    }
}
