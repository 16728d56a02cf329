//! W3C trace context (`traceparent`), carried in message headers.

use std::fmt;
use std::str::FromStr;

use easel_domain::Entropy;

/// Name of the message header.
pub const TRACEPARENT: &str = "traceparent";

/// Which trace a message belongs to, and which span sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceContext {
    trace_id: [u8; 16],
    span_id: [u8; 8],
    sampled: bool,
}

/// Text that is no `traceparent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a traceparent")]
pub struct TraceContextError;

impl TraceContext {
    /// A new trace with its first span.
    pub fn root(entropy: &dyn Entropy) -> Self {
        let mut trace_id = [0; 16];
        entropy.fill(&mut trace_id);
        // An all-zero id means "none" to other readers.
        trace_id[0] |= 1;
        Self {
            trace_id,
            span_id: span_id(entropy),
            sampled: true,
        }
    }

    /// A new span of the same trace.
    #[must_use]
    pub fn child(&self, entropy: &dyn Entropy) -> Self {
        Self {
            span_id: span_id(entropy),
            ..*self
        }
    }

    /// The trace in hex, for the log field `trace.id`.
    pub fn trace_id(&self) -> String {
        hex(&self.trace_id)
    }
}

fn span_id(entropy: &dyn Entropy) -> [u8; 8] {
    let mut id = [0; 8];
    entropy.fill(&mut id);
    id[0] |= 1;
    id
}

fn hex(bytes: &[u8]) -> String {
    use fmt::Write;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let lower = text
        .bytes()
        .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    if text.len() != 2 * N || !lower {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "00-{}-{}-{:02x}",
            hex(&self.trace_id),
            hex(&self.span_id),
            u8::from(self.sampled)
        )
    }
}

impl FromStr for TraceContext {
    type Err = TraceContextError;

    /// Takes later versions too, as the specification asks: their first four parts mean the same.
    fn from_str(text: &str) -> Result<Self, TraceContextError> {
        let mut parts = text.split('-');
        let mut next = || parts.next().ok_or(TraceContextError);
        let (version, trace_id, span_id, flags) = (next()?, next()?, next()?, next()?);
        let [version] = unhex::<1>(version).ok_or(TraceContextError)?;
        let trace_id = unhex::<16>(trace_id).ok_or(TraceContextError)?;
        let span_id = unhex::<8>(span_id).ok_or(TraceContextError)?;
        let [flags] = unhex::<1>(flags).ok_or(TraceContextError)?;
        let trailing = parts.next().is_some();
        if version == 0xff || (version == 0 && trailing) || trace_id == [0; 16] || span_id == [0; 8]
        {
            return Err(TraceContextError);
        }
        Ok(Self {
            trace_id,
            span_id,
            sampled: flags & 1 == 1,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use easel_domain::clock::SeededEntropy;

    #[test]
    fn a_context_round_trips_and_a_child_keeps_the_trace() {
        let entropy = SeededEntropy::new(1);
        let root = TraceContext::root(&entropy);
        assert_eq!(root.to_string().parse(), Ok(root));
        let child = root.child(&entropy);
        assert_eq!(child.trace_id(), root.trace_id());
        assert_ne!(child, root);
    }

    #[test]
    fn malformed_contexts_are_refused() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert!(good.parse::<TraceContext>().is_ok());
        for bad in [
            "",
            "00",
            &good[..54],
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
        ] {
            assert!(bad.parse::<TraceContext>().is_err(), "{bad}");
        }
        assert!(
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x"
                .parse::<TraceContext>()
                .is_ok()
        );
    }
}
