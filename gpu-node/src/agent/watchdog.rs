//! Notices when the engine is stuck or gone. Neither can be mended from inside: the jobs are reported, and the process
//! ends for its supervisor to start it again.

use std::time::Duration;

use easel_domain::message::{NodeTrouble, TroubleKind};

use crate::engine::{Engine, Pulse};

/// What is wrong with the engine, if anything is.
pub(super) fn look(engine: &dyn Engine, step_deadline: Duration) -> Option<NodeTrouble> {
    let (kind, message) = match engine.pulse() {
        Pulse::Idle => return None,
        Pulse::Busy(time) if time < step_deadline => return None,
        Pulse::Busy(_) => (
            TroubleKind::Hung,
            format!("a step has not ended within {} s", step_deadline.as_secs()),
        ),
        Pulse::Stopped => (TroubleKind::Stopped, "the engine has stopped".to_owned()),
    };
    Some(NodeTrouble { kind, message })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::fake::{FakeEngine, Fault, Gate};

    #[test]
    fn a_step_without_an_end_and_an_engine_that_is_gone_are_trouble() {
        let deadline = Duration::from_mins(4);
        let engine = FakeEngine::start("m", "h", Gate::open());
        assert_eq!(look(&engine, deadline), None);
        engine.arm(Fault::Hang);
        let kind = |trouble: Option<NodeTrouble>| trouble.map(|trouble| trouble.kind);
        assert_eq!(kind(look(&engine, deadline)), Some(TroubleKind::Hung));
        engine.shutdown();
        assert_eq!(kind(look(&engine, deadline)), Some(TroubleKind::Stopped));
    }
}
