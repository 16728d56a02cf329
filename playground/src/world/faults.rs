//! Switches that make the stand-in misbehave.

use super::chaos::Dice;
use serde::{Deserialize, Serialize};

/// How a request goes wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Failure {
    /// An answer of this status with an HTML body, as a proxy in front of Discord would give.
    Status {
        /// The HTTP status.
        status: u16,
    },
    /// A refusal in Discord's own form.
    Refuse {
        /// The HTTP status.
        status: u16,
        /// Discord's code.
        code: u32,
        /// Discord's sentence.
        message: String,
    },
    /// A refusal in Discord's own form, known by its code.
    Code {
        /// Discord's code.
        code: u32,
    },
    /// 429.
    RateLimited {
        /// Seconds to wait.
        retry_after: f64,
        /// `user`, `global` or `shared`.
        scope: String,
    },
    /// 200 with a body that is no JSON.
    Garbage,
    /// No answer at all, until the client gives up.
    Hang,
    /// The connection is cut instead of an answer.
    Close,
    /// The answer begins at once and trickles in until so many milliseconds are over.
    Slow {
        /// Milliseconds.
        ms: u64,
    },
    /// The answer comes late.
    Delay {
        /// Milliseconds.
        ms: u64,
    },
}

/// A failure for the next requests of some kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RouteFault {
    /// Only this method; any if absent.
    #[serde(default)]
    pub method: Option<String>,
    /// A part of the path (after `/api/v10`) or of its template, such as `/webhooks/` or `/messages/@original`.
    pub route: String,
    /// How many requests fail.
    pub times: u32,
    /// How they fail.
    pub failure: Failure,
    /// Whether the request takes effect before its answer is lost.
    #[serde(default)]
    pub takes_effect: bool,
}

/// How a gateway event goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DispatchFault {
    /// It is never sent.
    Drop,
    /// It is sent twice.
    Duplicate,
    /// It is sent so many milliseconds late.
    Late(u64),
    /// The next event overtakes it.
    Reorder,
}

/// What will go wrong with one request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Misbehaviour {
    pub(crate) failure: Failure,
    pub(crate) takes_effect: bool,
}

/// The switches as they stand.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults {
    pub(crate) routes: Vec<RouteFault>,
    /// Events by name, the fault, and how often it strikes.
    pub(crate) dispatches: Vec<(String, DispatchFault, u32)>,
    /// What goes wrong at random.
    pub(crate) dice: Option<Dice>,
    /// Heartbeats get no acknowledgement.
    pub(crate) silent_heartbeats: bool,
    /// Every event carries a field that nobody knows.
    pub(crate) novel_fields: bool,
}

impl Faults {
    /// The fault that strikes this request, if any; it is used up by one.
    pub(crate) fn take_route(
        &mut self,
        method: &str,
        path: &str,
        template: &str,
    ) -> Option<Misbehaviour> {
        let strikes = |fault: &RouteFault| {
            fault
                .method
                .as_ref()
                .is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
                && (path.contains(&fault.route) || template.contains(&fault.route))
        };
        let Some(index) = self.routes.iter().position(strikes) else {
            return self.dice.as_mut()?.route(method, path, template);
        };
        let fault = &mut self.routes[index];
        let found = Misbehaviour {
            failure: fault.failure.clone(),
            takes_effect: fault.takes_effect,
        };
        fault.times = fault.times.saturating_sub(1);
        if fault.times == 0 {
            self.routes.remove(index);
        }
        Some(found)
    }

    /// The fault that strikes this event, if any; it is used up by one.
    pub(crate) fn take_dispatch(&mut self, name: &str) -> Option<DispatchFault> {
        let wanted = |(wanted, _, _): &(String, DispatchFault, u32)| wanted == name;
        let Some(index) = self.dispatches.iter().position(wanted) else {
            return self.dice.as_mut()?.event(name);
        };
        let (_, fault, times) = &mut self.dispatches[index];
        let found = *fault;
        *times = times.saturating_sub(1);
        if *times == 0 {
            self.dispatches.remove(index);
        }
        Some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_strikes_as_often_as_told() {
        let mut faults = Faults::default();
        faults.routes.push(RouteFault {
            method: Some("PATCH".to_owned()),
            route: "/messages/@original".to_owned(),
            times: 2,
            failure: Failure::Garbage,
            takes_effect: false,
        });
        let path = "/webhooks/1/x/messages/@original";
        assert_eq!(faults.take_route("GET", path, ""), None);
        assert!(faults.take_route("PATCH", path, "").is_some());
        assert!(faults.take_route("PATCH", path, "").is_some());
        assert_eq!(faults.take_route("PATCH", path, ""), None);
    }
}
