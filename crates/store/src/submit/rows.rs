//! The rows of accepted submissions, all written by one statement.

use std::collections::HashMap;

use easel_domain::message::{JobHint, JobHintKind, Versioned};
use easel_domain::tier::ServiceClass;
use easel_domain::{BatchId, JobId, UserId};
use secrecy::ExposeSecret;
use tokio_postgres::types::{Json, ToSql};

use super::Submission;
use super::admit::Terms;
use super::earlier::{dedupe_key, parent_columns};
use crate::cached::Transaction;
use crate::error::StoreError;
use crate::row::corrupt;

/// The place of a job in its batch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Member {
    pub(super) batch: BatchId,
    /// Counted from 0.
    pub(super) ordinal: i16,
}

/// A submission that is accepted, and as what.
#[derive(Debug, Clone, Copy)]
pub(super) struct Accepted<'s> {
    pub(super) new: &'s Submission,
    pub(super) user: UserId,
    pub(super) tier: &'s str,
    pub(super) class: ServiceClass,
    pub(super) terms: Terms,
    /// One of several jobs: its message is posted in the channel, because the answer is theirs in common.
    pub(super) member: Option<Member>,
}

impl Accepted<'_> {
    fn ordinal(&self) -> i16 {
        self.member.map_or(0, |member| member.ordinal)
    }

    fn is_answer(&self) -> bool {
        self.member.is_none()
    }
}

/// Jobs, events, words, decisions, reservations, messages, what is sent to those who want all, hints, and the end of their intakes. Constraints are checked
/// when it ends, so the order of its parts does not matter. The accounts are locked already.
const WRITE: &str = "-- submit::write
    WITH fresh AS (
        SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::uuid[], $4::bigint[], $5::text[], $6::uuid[], $7::smallint[],
                             $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[],
                             $15::jsonb[], $16::text[], $17::bigint[], $18::timestamptz[], $19::smallint[], $20::uuid[],
                             $41::boolean[], $42::timestamptz[], $43::real[])
            AS f (id, interaction_id, user_id, guild_id, action, parent, place, dedupe_key, region, pool, class, tier,
                  model_id, model_hash, spec, storage_class, quote, submitted_at, ordinal, batch_id, size_is_open,
                  paid_off_at, quoted_wait_s)
    ), job AS (
        INSERT INTO jobs (id, interaction_id, user_id, guild_id, action, parent_job_id, parent_index, dedupe_key, region,
                          pool, service_class, tier, model_id, model_hash, spec, storage_class, quote, submitted_at,
                          ordinal, batch_id, size_is_open, paid_off_at, quoted_wait_s)
        SELECT * FROM fresh
    ), told AS (
        INSERT INTO job_events (job_id, state, attempt) SELECT id, 'queued', 1 FROM fresh
    ), reserved AS (
        INSERT INTO ledger (user_id, job_id, kind, settles, amount)
        SELECT user_id, id, 'reserve', false, -quote FROM fresh
    ), paid AS (
        UPDATE accounts a SET balance = a.balance - p.quote
        FROM (SELECT user_id, sum(quote)::bigint AS quote FROM fresh GROUP BY user_id) p
        WHERE a.user_id = p.user_id AND p.quote <> 0
    ), answered AS (
        UPDATE intake i SET state = 'accepted', job_id = f.id, token = NULL
        FROM fresh f WHERE i.interaction_id = f.interaction_id AND f.ordinal = 0 AND i.state = 'open'
    ), words AS (
        INSERT INTO prompts (job_id, shown, positive, negative, digest, pictured)
        SELECT * FROM unnest($1::uuid[], $21::text[], $22::text[], $23::text[], $24::text[], $37::text[])
    ), decided AS (
        INSERT INTO moderation_decisions (interaction_id, job_id, user_id, subject, decision)
        SELECT d.interaction_id, d.job_id, d.user_id, 'prompt', d.decision
        FROM unnest($2::bigint[], $1::uuid[], $3::uuid[], $25::jsonb[]) AS d (interaction_id, job_id, user_id, decision)
    ), message AS (
        INSERT INTO deliveries (job_id, guild_id, shard, application_id, channel_id, message_id, ephemeral,
                                interaction_token, token_expires_at, locale, route, guest, file_limit_bytes)
        SELECT * FROM unnest($1::uuid[], $38::bigint[], $26::integer[], $27::bigint[], $28::bigint[], $29::bigint[],
                             $30::boolean[], $31::text[], $32::timestamptz[], $33::text[], $34::text[], $39::boolean[],
                             $40::bigint[])
    ), mailed AS (
        INSERT INTO mailings (id, job_id, user_id, shard, locale, asked_at)
        SELECT gen_random_uuid(), f.id, f.user_id, m.shard, m.locale, f.submitted_at
        FROM fresh f JOIN member_settings s ON s.user_id = f.user_id AND s.auto_dm
        JOIN unnest($1::uuid[], $26::integer[], $33::text[]) AS m (id, shard, locale) ON m.id = f.id
    ), hint AS (
        INSERT INTO outbox (queue, body)
        SELECT h.queue, h.body FROM unnest($35::text[], $36::jsonb[]) WITH ORDINALITY AS h (queue, body, number)
        ORDER BY h.number RETURNING id, (body ->> 'job_id')::uuid AS job_id
    )
    SELECT job_id, id FROM hint";

/// Writes everything about accepted jobs, and returns the outbox row of each one's hint, in order. Where nothing follows in
/// the transaction, it is committed with them.
pub(super) async fn write(
    tx: &Transaction<'_>,
    accepted: &[Accepted<'_>],
    commits: bool,
) -> Result<Vec<i64>, StoreError> {
    if accepted.is_empty() {
        return Ok(Vec::new());
    }
    let (jobs, words) = (Jobs::of(accepted), Words::of(accepted)?);
    let messages = Messages::of(accepted);
    let values: [&(dyn ToSql + Sync); 43] = [
        /* ids */ &jobs.id,
        /* interactions */ &jobs.interaction,
        /* users */ &jobs.user,
        /* guilds */ &jobs.guild,
        /* actions */ &jobs.action,
        /* parents */ &jobs.parent,
        /* their pictures */ &jobs.place,
        /* dedupe keys */ &jobs.dedupe_key,
        /* regions */ &jobs.region,
        /* pools */ &jobs.pool,
        /* classes */ &jobs.class,
        /* tiers */ &jobs.tier,
        /* models */ &jobs.model,
        /* weights */ &jobs.weights,
        /* specs */ &jobs.spec,
        /* storage */ &jobs.storage,
        /* quotes */ &jobs.quote,
        /* submitted */ &jobs.submitted_at,
        /* ordinals */ &jobs.ordinal,
        /* batches */ &jobs.batch,
        /* words as written */ &words.shown,
        /* positive */ &words.positive,
        /* negative */ &words.negative,
        /* digests */ &words.digest,
        /* decisions */ &words.decision,
        /* shards */ &messages.shard,
        /* applications */ &messages.application,
        /* channels */ &messages.channel,
        /* messages */ &messages.message,
        /* ephemeral */ &messages.ephemeral,
        /* tokens */ &messages.token,
        /* tokens expire */ &messages.token_expires_at,
        /* locales */ &messages.locale,
        /* routes */ &messages.route,
        /* queues */ &words.queue,
        /* hints */ &words.hint,
        /* pictures asked about */ &words.pictured,
        /* guilds of the messages */ &messages.guild,
        /* guests */ &messages.guest,
        /* limits of files */ &messages.file_limit,
        /* open sizes */ &jobs.size_is_open,
        /* paid off */ &jobs.paid_off_at,
        /* quoted waits */ &jobs.quoted_wait_s,
    ];
    let rows = if commits {
        tx.query_and_commit(WRITE, &values).await?
    } else {
        tx.query(WRITE, &values).await?
    };
    let ids: HashMap<JobId, i64> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let id = |one: &Accepted<'_>| ids.get(&one.new.job).copied();
    accepted
        .iter()
        .map(|one| id(one).ok_or_else(|| corrupt("outbox hint", &one.new.job.to_string())))
        .collect()
}

#[derive(Default)]
struct Jobs<'s> {
    id: Vec<JobId>,
    interaction: Vec<easel_domain::InteractionId>,
    user: Vec<UserId>,
    guild: Vec<Option<easel_domain::GuildKey>>,
    action: Vec<&'static str>,
    parent: Vec<Option<JobId>>,
    place: Vec<Option<i16>>,
    dedupe_key: Vec<Option<String>>,
    region: Vec<&'s str>,
    pool: Vec<&'s str>,
    class: Vec<&'static str>,
    tier: Vec<&'s str>,
    model: Vec<&'s str>,
    weights: Vec<&'s str>,
    spec: Vec<Json<&'s easel_domain::spec::RenderSpec>>,
    storage: Vec<&'static str>,
    quote: Vec<i64>,
    submitted_at: Vec<time::OffsetDateTime>,
    ordinal: Vec<i16>,
    batch: Vec<Option<uuid::Uuid>>,
    size_is_open: Vec<bool>,
    paid_off_at: Vec<Option<time::OffsetDateTime>>,
    quoted_wait_s: Vec<Option<f32>>,
}

impl<'s> Jobs<'s> {
    fn of(accepted: &[Accepted<'s>]) -> Self {
        let mut all = Self::default();
        for one in accepted {
            let new = one.new;
            let (parent, place) = parent_columns(new);
            let model = new.spec.model();
            all.id.push(new.job);
            all.interaction.push(new.interaction);
            all.user.push(one.user);
            all.guild.push(new.counted_guild());
            all.action.push(new.action.as_str());
            all.parent.push(parent);
            all.place.push(place);
            all.dedupe_key.push(dedupe_key(new, one.user));
            all.region.push(&new.region);
            all.pool.push(&new.pool);
            all.class.push(one.class.as_str());
            all.tier.push(one.tier);
            all.model.push(&model.id);
            all.weights.push(&model.hash);
            all.spec.push(Json(&new.spec));
            all.storage.push(new.storage_class.as_str());
            all.quote.push(new.quote.0);
            all.submitted_at.push(new.submitted_at);
            all.ordinal.push(one.ordinal());
            all.batch.push(one.member.map(|member| member.batch.0));
            all.size_is_open.push(new.leeway.size);
            all.paid_off_at.push(one.terms.paid_off_at);
            all.quoted_wait_s
                .push(one.terms.quoted.map(|wait| wait.as_secs_f32()));
        }
        all
    }
}

#[derive(Default)]
struct Words<'s> {
    shown: Vec<&'s str>,
    positive: Vec<&'s str>,
    negative: Vec<&'s str>,
    digest: Vec<&'s str>,
    pictured: Vec<Option<&'s str>>,
    decision: Vec<&'s serde_json::Value>,
    queue: Vec<&'s str>,
    hint: Vec<serde_json::Value>,
}

impl<'s> Words<'s> {
    fn of(accepted: &[Accepted<'s>]) -> Result<Self, StoreError> {
        let mut all = Self::default();
        for one in accepted {
            let new = one.new;
            let hint = JobHint {
                job_id: new.job,
                what: JobHintKind::Submitted,
            };
            let hint = serde_json::to_value(Versioned::new(hint))
                .map_err(|error| corrupt("outbox body", &error.to_string()))?;
            all.shown.push(&new.shown);
            all.positive.push(&new.text.positive);
            all.negative.push(&new.text.negative);
            all.digest.push(&new.digest);
            all.pictured.push(new.pictured.as_deref());
            all.decision.push(&new.moderation);
            all.queue.push(&new.queues[one.class as usize]);
            all.hint.push(hint);
        }
        Ok(all)
    }
}

#[derive(Default)]
struct Messages<'s> {
    shard: Vec<i32>,
    application: Vec<easel_domain::DiscordId>,
    channel: Vec<easel_domain::DiscordId>,
    message: Vec<Option<easel_domain::DiscordId>>,
    ephemeral: Vec<bool>,
    token: Vec<Option<&'s str>>,
    token_expires_at: Vec<time::OffsetDateTime>,
    locale: Vec<&'s str>,
    route: Vec<&'static str>,
    guild: Vec<Option<easel_domain::GuildKey>>,
    guest: Vec<bool>,
    file_limit: Vec<i64>,
}

impl<'s> Messages<'s> {
    fn of(accepted: &[Accepted<'s>]) -> Self {
        let mut all = Self::default();
        for one in accepted {
            let (new, answer) = (one.new, one.is_answer());
            all.shard.push(i32::try_from(new.shard).unwrap_or(i32::MAX));
            all.application.push(new.application);
            all.channel.push(new.place.channel);
            all.message.push(new.place.message.filter(|_| answer));
            all.ephemeral.push(new.ephemeral && answer);
            all.token.push(answer.then(|| new.token.expose_secret()));
            all.token_expires_at.push(new.token_expires_at);
            all.locale.push(&new.locale);
            all.guild.push(new.place.guild);
            all.guest.push(new.is_guest);
            all.file_limit
                .push(i64::try_from(new.file_limit.max(1)).unwrap_or(i64::MAX));
            all.route
                .push(if answer { "interaction" } else { "channel" });
        }
        all
    }
}
