//! What a step that blocks will cost, from the real size of the tables that it locks.

use crate::EngineError;
use postgres::Client;
use std::collections::{BTreeMap, BTreeSet};
use underpin_model::{HazardKind, Stage, Step, Work};

/// How much of a table is read, and written anew with its indexes, in a second: a guess on the careful side, for a server that
/// does something else as well. In bytes.
const READ: f64 = 200e6;
const WRITTEN: f64 = 40e6;

/// Rows as the server last counted them, and bytes with indexes and TOAST.
struct Size {
    rows: i64,
    bytes: i64,
}

fn blocks(step: &Step) -> bool {
    step.hazards.iter().any(|h| matches!(h.kind, HazardKind::BlocksReads | HazardKind::BlocksWrites))
}

/// Says in the hazards of steps that block how large what they lock is, and about how long that takes.
pub(crate) fn tell(client: &mut Client, stages: &mut [Stage]) -> Result<(), EngineError> {
    let steps = || stages.iter().flat_map(|s| &s.batches).flat_map(|b| &b.steps).filter(|s| blocks(s));
    let names: Vec<String> =
        steps().flat_map(|s| s.locks.iter().map(|l| l.relation.clone())).collect::<BTreeSet<_>>().into_iter().collect();
    if names.is_empty() {
        return Ok(());
    }
    let rows = client.query(
        "SELECT n, greatest(c.reltuples, 0)::bigint, pg_total_relation_size(c.oid)
           FROM unnest($1::text[]) n JOIN pg_class c ON c.oid = to_regclass(n)
          WHERE c.relkind IN ('r', 'm', 'p')",
        &[&names],
    )?;
    let sizes: BTreeMap<String, Size> =
        rows.iter().map(|r| (r.get(0), Size { rows: r.get(1), bytes: r.get(2) })).collect();
    for step in stages.iter_mut().flat_map(|s| &mut s.batches).flat_map(|b| &mut b.steps).filter(|s| blocks(s)) {
        let locked = step.locks.iter().filter_map(|l| Some((&l.relation, sizes.get(&l.relation)?)));
        let Some((name, size)) = locked.max_by_key(|(_, size)| size.bytes) else { continue };
        let words = format!("; {name} has {}", words(size, step.work));
        for hazard in &mut step.hazards {
            if matches!(hazard.kind, HazardKind::BlocksReads | HazardKind::BlocksWrites) {
                hazard.message.push_str(&words);
            }
        }
    }
    Ok(())
}

#[allow(clippy::cast_precision_loss)]
fn words(size: &Size, work: Work) -> String {
    let rate = if work == Work::Scan { READ } else { WRITTEN };
    let seconds = size.bytes as f64 / rate;
    let time = match seconds {
        s if s < 1.0 => "less than a second".to_owned(),
        s if s < 120.0 => format!("some {s:.0} s"),
        s => format!("some {:.0} min", s / 60.0),
    };
    let bytes = match size.bytes {
        b if b >= 1 << 30 => format!("{:.1} GB", b as f64 / f64::from(1 << 30)),
        b if b >= 1 << 20 => format!("{} MB", b >> 20),
        b => format!("{} kB", b >> 10),
    };
    // A table that was never analyzed tells nothing of its rows.
    if size.rows > 0 { format!("about {} rows, {bytes}: {time}", size.rows) } else { format!("{bytes}: {time}") }
}
