//! Submissions to try, and a look at the rows.

use std::collections::BTreeMap;
use std::time::Duration;

use easel_domain::admission::ClassOutlook;
use easel_domain::ledger::Credits;
use easel_domain::model::ModelRef;
use easel_domain::picture::StorageClass;
use easel_domain::spec::{
    Action, GenerateSpec, Leeway, NoisePlan, PromptText, RenderSpec, Sampler,
};
use easel_domain::tier::ServiceClass;
use easel_domain::{DiscordId, GuildKey, InteractionId, JobId, UserId};
use easel_store::fleet::SharedClass;
use easel_store::intake::NewIntake;
use easel_store::shard::BotProcess;
use easel_store::submit::{MessagePlace, Repetition, Submission, Submitted};
use easel_store::testing::TestDatabase;
use secrecy::SecretString;
use time::OffsetDateTime;
use time::macros::datetime;
use uuid::Uuid;

/// Where the jobs are asked for.
pub const GUILD: GuildKey = GuildKey(2);
pub const NOW: OffsetDateTime = datetime!(2026-01-01 12:00 UTC);
pub const WITHIN: Duration = Duration::from_secs(10);

pub fn spec() -> RenderSpec {
    RenderSpec::Generate(GenerateSpec {
        model: ModelRef {
            id: "m".into(),
            hash: "h".into(),
        },
        width: 128,
        height: 128,
        steps: 20,
        guidance: 4.0,
        sampler: Sampler::Default,
        pictures: vec![NoisePlan::from_seed(1)],
        finish_scale: 1,
        stop: 100,
        seamless: false,
    })
}

/// The `n`-th request of member 7 in channel 3.
pub fn submission(n: u16) -> Submission {
    Submission {
        job: JobId(Uuid::from_u128(u128::from(n))),
        interaction: InteractionId(i64::from(n)),
        member: DiscordId(7),
        fresh_user: UserId(Uuid::from_u128(1_000 + u128::from(n))),
        default_tier: "free".into(),
        place: MessagePlace {
            guild: Some(GUILD),
            channel: DiscordId(3),
            message: None,
        },
        shard: 0,
        application: DiscordId(4),
        token: SecretString::from("token"),
        token_expires_at: NOW + WITHIN,
        ephemeral: false,
        is_guest: false,
        file_limit: 10 << 20,
        locale: "de".into(),
        action: Action::Imagine,
        parent: None,
        repetition: Repetition::Allowed,
        region: "local".into(),
        pool: "main".into(),
        lane: None,
        spec: spec(),
        leeway: Leeway::NONE,
        text: PromptText {
            positive: "a boat".into(),
            negative: String::new(),
        },
        shown: "a boat --ar 1:1".into(),
        digest: "d".into(),
        pictured: None,
        storage_class: StorageClass::Public,
        quote: Credits(0),
        submitted_at: NOW,
        moderation: serde_json::json!({"outcome": "allow"}),
        queues: ServiceClass::ALL.map(|class| format!("jobs.local.main.{}", class.as_str())),
    }
}

pub fn class_of(submitted: &Submitted) -> ServiceClass {
    match submitted {
        Submitted::Accepted { class, .. } => *class,
        other => panic!("not accepted: {other:?}"),
    }
}

/// A bot that has just started.
pub async fn process(db: &TestDatabase, id: u128) -> BotProcess {
    let begun = db.store.begin_process(Uuid::from_u128(id), 0).await;
    begun.unwrap()
}

pub async fn number(db: &TestDatabase, sql: &str) -> i64 {
    db.store
        .connection()
        .await
        .unwrap()
        .query_one(sql, &[])
        .await
        .unwrap()
        .get(0)
}

pub async fn execute(db: &TestDatabase, sql: &str) {
    db.store
        .connection()
        .await
        .unwrap()
        .batch_execute(sql)
        .await
        .unwrap();
}

/// What the leader of the lane of all submissions is said to have known at some moment. A picture of theirs takes ten seconds.
pub async fn snapshot(db: &TestDatabase, classes: &[(ServiceClass, SharedClass)], taken_at: &str) {
    let named: BTreeMap<&str, &SharedClass> = (classes.iter())
        .map(|(class, known)| (class.as_str(), known))
        .collect();
    let classes = serde_json::to_string(&named).unwrap();
    let steps = r#"[{"model": "h", "width": 128, "height": 128, "pictures": 1, "step_s": 0.5}]"#;
    let sql = format!(
        "INSERT INTO lane_snapshots (region, pool, taken_at, backlog_gpu_s, oldest_s, desired_nodes, waiting, running,
                                     nodes, classes, steps)
         VALUES ('local', 'main', {taken_at}, 0, 0, 1, 0, 0, 1, '{classes}', '{steps}')
         ON CONFLICT (region, pool) DO UPDATE
         SET taken_at = excluded.taken_at, classes = excluded.classes, steps = excluded.steps"
    );
    execute(db, &sql).await;
}

/// A class that one node serves, with so much that waits within shares and beyond.
pub fn waiting(within_s: f64, beyond_s: f64) -> SharedClass {
    SharedClass {
        outlook: ClassOutlook {
            waiting_s: within_s + beyond_s,
            within_s,
            nodes: 1.0,
            is_calm: true,
            guilds: 1,
            ..ClassOutlook::default()
        },
        ..SharedClass::default()
    }
}

/// The `n`-th interaction, answered and not settled.
pub fn intake(n: i64) -> NewIntake {
    NewIntake {
        interaction: InteractionId(n),
        application: DiscordId(4),
        token: SecretString::from("token"),
        token_expires_at: NOW + WITHIN,
        received_at: NOW,
        kind: "imagine",
        shard: 0,
        waits: true,
        locale: "de".into(),
    }
}
