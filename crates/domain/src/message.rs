//! What travels through the broker. A message is a hint that carries ids; rows are the truth.
//!
//! Bodies are JSON with a version. A reader takes bodies with fields that it does not know, and refuses a version that
//! is newer than its own, so that old and new processes can run side by side during an upgrade.

mod heartbeat;
mod timings;

use serde::{Deserialize, Serialize};

use crate::failure::FailureKind;
use crate::id::{BootId, DiscordId, JobId, LeaseToken, NodeId, RequestId};
use crate::picture::{FileRole, PictureVerdict, StorageClass};
use crate::spec::{Answer, PromptText, RenderSpec};

pub use heartbeat::{Heartbeat, NodeModel, NodeTrouble, Residency, TroubleKind};
pub use timings::{Calls, Timings};

/// The version that this build writes, and the newest that it reads.
pub const MESSAGE_VERSION: u16 = 1;

/// A body with its version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Versioned<T> {
    /// The writer's [`MESSAGE_VERSION`].
    pub v: u16,
    /// The message itself, beside the version.
    #[serde(flatten)]
    pub body: T,
}

impl<T> Versioned<T> {
    /// A body as this build writes it.
    pub fn new(body: T) -> Self {
        Self {
            v: MESSAGE_VERSION,
            body,
        }
    }
}

/// `jobs.<region>.<pool>.<class>`: look at this job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobHint {
    /// The job.
    pub job_id: JobId,
    /// What to look for.
    pub what: JobHintKind,
}

/// Why a job deserves a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobHintKind {
    /// It was submitted.
    Submitted,
    /// Somebody asked to cancel it.
    CancelRequested,
}

/// The proof that a node may work on a job: checked in SQL at each write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LeaseRef {
    /// The job.
    pub job_id: JobId,
    /// Try number, counted from 1.
    pub attempt: u32,
    /// Fencing token.
    pub token: LeaseToken,
}

/// One start of one node.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NodeBoot {
    /// The node.
    pub node: NodeId,
    /// Which start of it.
    pub boot: BootId,
}

/// `node.<id>.<boot>`: what the dispatcher tells a node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum NodeCommand {
    /// Render this.
    Offer(Box<Offer>),
    /// Stop rendering this and forget it.
    Cancel {
        /// The lease that is no longer wanted.
        lease: LeaseRef,
    },
    /// The answer to [`NodeEvent::GrantRequest`].
    Grant {
        /// The question.
        request: RequestId,
        /// The lease it was asked for.
        lease: LeaseRef,
        /// One grant for each file that was claimed, in the order of the claims.
        uploads: Vec<UploadGrant>,
    },
    /// The report on this lease is settled, or the lease is lost: stop resending.
    Settled {
        /// The lease.
        lease: LeaseRef,
        /// Whether the report counted.
        accepted: bool,
    },
    /// Load these weights from the node's own disk; answered by what the heartbeats say from then on. Sent, like the
    /// three below, only to nodes whose heartbeats are [`Heartbeat::directed`].
    Load {
        /// Hash of the weights.
        hash: String,
    },
    /// Give these weights up once no job needs them. Pinned ones stay.
    Unload {
        /// Hash of the weights.
        hash: String,
    },
    /// Hold this up at its next step boundary, and keep what it has come to.
    Pause {
        /// The lease, which stays alive.
        lease: LeaseRef,
    },
    /// Go on with what was held up.
    Resume {
        /// The lease.
        lease: LeaseRef,
    },
}

/// A leased job and all that is needed to render it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Offer {
    /// Proof of the lease.
    pub lease: LeaseRef,
    /// How long the lease lasts without a heartbeat, in milliseconds.
    pub lease_ms: u64,
    /// What to make.
    pub spec: RenderSpec,
    /// The words.
    pub text: PromptText,
    /// Where the finished files are to lie.
    pub class: StorageClass,
    /// Pictures to fetch first, in the order of the spec's inputs.
    #[serde(default)]
    pub inputs: Vec<DownloadGrant>,
}

/// Leave to read one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DownloadGrant {
    /// SHA-256 that the body must have, in hex.
    pub sha256: String,
    /// Signed link.
    pub url: String,
}

/// A file that a node has made and wants to store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileClaim {
    /// What it is for.
    pub role: FileRole,
    /// The picture it belongs to, counted from 0; 0 for a grid.
    pub index: u32,
    /// SHA-256 of the body, in hex.
    pub sha256: String,
    /// MD5 of the body, in hex: what a single-part upload's `ETag` is.
    pub md5: String,
    /// Length of the body in bytes.
    pub size_bytes: u64,
    /// Media type, such as `image/png`.
    pub content_type: String,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

/// Leave to write one object, once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadGrant {
    /// Key that the object will have.
    pub key: String,
    /// Signed link.
    pub url: String,
    /// Headers that must be sent exactly so, because they are signed.
    pub headers: Vec<(String, String)>,
}

/// The link is a credential.
impl std::fmt::Debug for UploadGrant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UploadGrant")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// `node-done.<region>.<pool>`: what a node reports durably, and resends until [`NodeCommand::Settled`] or a grant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NodeReport {
    /// Who reports.
    pub from: NodeBoot,
    /// The lease it holds.
    pub lease: LeaseRef,
    /// What happened.
    pub event: NodeEvent,
}

/// What happened to a lease on its node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum NodeEvent {
    /// The pictures are made and checked; these files want to be stored.
    GrantRequest {
        /// To be answered with [`NodeCommand::Grant`].
        request: RequestId,
        /// The files.
        files: Vec<FileClaim>,
    },
    /// Every file is stored.
    Done {
        /// The files with the keys that they were granted, in the order of the claims.
        files: Vec<StoredFile>,
        /// What the image check said, one for each picture.
        verdicts: Vec<PictureVerdict>,
        /// How long it took.
        timings: Timings,
        /// What a question is answered with; nothing for pictures.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        answer: Option<Answer>,
    },
    /// The try failed.
    Failed {
        /// Whether another try makes sense.
        #[serde(flatten)]
        kind: FailureKind,
        /// What went wrong, for operators; names no prompt.
        message: String,
    },
}

/// A file that was stored under a grant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredFile {
    /// Key in the object store.
    pub key: String,
    /// What was claimed.
    pub claim: FileClaim,
}

/// `node-live.<region>.<pool>`: what a node says often and nobody misses.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum NodeLive {
    /// I am here, and these leases are alive.
    Heartbeat(Box<Heartbeat>),
    /// A leased job has come this far.
    Progress {
        /// Who renders it.
        from: NodeBoot,
        /// The lease.
        lease: LeaseRef,
        /// Steps done, as a percentage.
        percent: u8,
        /// A blurred picture of at most 64 px, as base64 of a PNG; at most 16 KiB.
        preview: Option<String>,
    },
    /// The leader hears itself: while it does, the silence of a node is the node's.
    Echo {
        /// The leader's epoch.
        epoch: i64,
    },
}

/// `shard.<n>`: this delivery has a newer revision than its message shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryHint {
    /// The job whose message is out of date.
    pub job_id: JobId,
}

/// `progress.<n>`: what a live message may show next. Lost without regret.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProgressNote {
    /// The job.
    pub job_id: JobId,
    /// The channel of its message, so that edits can be budgeted before any row is read.
    pub channel_id: Option<DiscordId>,
    /// How it is.
    pub state: ProgressState,
}

/// How an unfinished job is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ProgressState {
    /// Waiting.
    Queued {
        /// Jobs before it, plus one.
        position: u32,
        /// Seconds until it should start, where a speed is known.
        eta_s: Option<f64>,
    },
    /// A node has it.
    Running {
        /// Steps done, as a percentage.
        percent: u8,
        /// As in [`NodeLive::Progress`].
        preview: Option<String>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn a_reader_ignores_fields_that_it_does_not_know() {
        let body = format!(
            r#"{{"v":1,"job_id":"{}","what":"submitted","colour":"red"}}"#,
            Uuid::nil()
        );
        let hint: Versioned<JobHint> = serde_json::from_str(&body).unwrap();
        assert_eq!(
            hint.body,
            JobHint {
                job_id: JobId(Uuid::nil()),
                what: JobHintKind::Submitted
            }
        );
    }

    #[test]
    fn a_tagged_body_keeps_its_version_beside_its_type() {
        let note = NodeCommand::Settled {
            lease: LeaseRef {
                job_id: JobId(Uuid::nil()),
                attempt: 1,
                token: LeaseToken(Uuid::nil()),
            },
            accepted: true,
        };
        let json = serde_json::to_value(Versioned::new(note.clone())).unwrap();
        assert_eq!((&json["v"], &json["type"]), (&1.into(), &"settled".into()));
        assert_eq!(
            serde_json::from_value::<Versioned<NodeCommand>>(json)
                .unwrap()
                .body,
            note
        );
    }

    #[test]
    fn a_failure_reads_the_same_to_old_and_new_processes() {
        let event = NodeEvent::Failed {
            kind: FailureKind::Memory,
            message: "full".into(),
        };
        let mut json = serde_json::to_value(Versioned::new(event.clone())).unwrap();
        let told = serde_json::json!({"v": 1, "type": "failed", "kind": "retryable", "memory": true, "message": "full"});
        assert_eq!(json, told);
        let read = |json| serde_json::from_value::<Versioned<NodeEvent>>(json).unwrap();
        assert_eq!(read(json.clone()).body, event);
        json.as_object_mut().unwrap().remove("memory");
        let NodeEvent::Failed { kind, .. } = read(json).body else {
            panic!("it is a failure");
        };
        assert_eq!(kind, FailureKind::Retryable);
    }

    #[test]
    fn a_signed_link_is_not_in_debug_output() {
        let grant = UploadGrant {
            key: "public/k".into(),
            url: "http://s3/secret".into(),
            headers: vec![],
        };
        assert!(!format!("{grant:?}").contains("secret"));
    }
}
