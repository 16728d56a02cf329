use super::*;
use easel_domain::{GuildKey, JobId};
use secrecy::SecretString;
use time::macros::datetime;
use uuid::Uuid;

mod table;

const NOW: OffsetDateTime = datetime!(2026-01-01 12:00 UTC);

fn row() -> Delivery {
    Delivery {
        job: JobId(Uuid::nil()),
        shard: 0,
        application: DiscordId(1),
        guild: Some(GuildKey(2)),
        channel: DiscordId(3),
        message: Some(DiscordId(4)),
        ephemeral: false,
        is_guest: false,
        file_limit: None,
        token: Some(SecretString::from("t")),
        token_expires_at: NOW + Duration::from_mins(1),
        desired_rev: 2,
        shown_rev: 1,
        route: Route::Interaction,
        superseded: None,
        post_intent_at: None,
        next_try_at: None,
        failures: 0,
        undeliverable: None,
    }
}

fn refused(status: u16, code: u32) -> RestError {
    RestError::Refused {
        route: "r",
        status,
        code,
        message: String::new(),
    }
}

#[test]
fn the_token_is_used_while_it_lives_and_not_a_moment_longer() {
    let mut row = row();
    assert_eq!(
        next_delivery_action(&row, true, NOW),
        DeliveryAction::EditByToken
    );
    row.token_expires_at = NOW;
    assert_eq!(
        next_delivery_action(&row, true, NOW),
        DeliveryAction::EditByBot(DiscordId(4))
    );
}

#[test]
fn a_message_that_nobody_can_edit_any_more_is_followed_by_a_new_one_at_the_end() {
    let mut row = row();
    (row.token, row.message) = (None, None);
    assert_eq!(next_delivery_action(&row, false, NOW), DeliveryAction::Skip);
    assert_eq!(
        next_delivery_action(&row, true, NOW),
        DeliveryAction::Switch(Route::Channel)
    );
    row.route = Route::Channel;
    assert_eq!(next_delivery_action(&row, true, NOW), DeliveryAction::Post);
    row.post_intent_at = Some(NOW);
    assert_eq!(next_delivery_action(&row, true, NOW), DeliveryAction::Find);
}

#[test]
fn one_of_several_jobs_has_its_own_message_before_it_ends() {
    let mut row = Delivery {
        route: Route::Channel,
        message: None,
        token: None,
        ..row()
    };
    assert_eq!(next_delivery_action(&row, false, NOW), DeliveryAction::Post);
    row.post_intent_at = Some(NOW);
    assert_eq!(next_delivery_action(&row, false, NOW), DeliveryAction::Find);
    row.message = Some(DiscordId(5));
    assert_eq!(
        next_delivery_action(&row, false, NOW),
        DeliveryAction::EditByBot(DiscordId(5))
    );
}

#[test]
fn a_hidden_answer_without_its_token_ends_in_direct_messages() {
    let mut row = row();
    (row.token, row.ephemeral) = (None, true);
    assert_eq!(
        next_delivery_action(&row, true, NOW),
        DeliveryAction::Switch(Route::Direct)
    );
}

#[test]
fn where_the_bot_is_a_guest_it_never_tries_by_its_own_right() {
    let mut row = Delivery {
        is_guest: true,
        ..row()
    };
    assert_eq!(edit_route(&row, NOW), Some(DeliveryAction::EditByToken));
    row.token = None;
    assert_eq!(edit_route(&row, NOW), None);
    assert_eq!(next_delivery_action(&row, false, NOW), DeliveryAction::Skip);
    assert_eq!(
        next_delivery_action(&row, true, NOW),
        DeliveryAction::Switch(Route::Direct)
    );
    let gone = refused(404, code::UNKNOWN_MESSAGE);
    let reaction = after_failure(&row, DeliveryAction::EditByToken, &gone, true, 0.0);
    assert_eq!(reaction, Reaction::Switch(Route::Direct));
    row.failures = REFUSALS;
    let odd = refused(400, 1);
    let reaction = after_failure(
        &row,
        DeliveryAction::EditByBot(DiscordId(4)),
        &odd,
        true,
        0.0,
    );
    assert_eq!(reaction, Reaction::Switch(Route::Direct));
}

#[test]
fn nothing_is_done_for_what_is_shown_paused_or_hopeless() {
    let shown = Delivery {
        shown_rev: 2,
        ..row()
    };
    let paused = Delivery {
        next_try_at: Some(NOW + Duration::from_secs(1)),
        ..row()
    };
    let hopeless = Delivery {
        undeliverable: Some("x".into()),
        ..row()
    };
    for row in [shown, paused, hopeless] {
        assert_eq!(
            next_delivery_action(&row, true, NOW),
            DeliveryAction::Nothing
        );
    }
}

#[test]
fn each_refusal_leads_to_the_next_route() {
    let (token, bot) = (
        DeliveryAction::EditByToken,
        DeliveryAction::EditByBot(DiscordId(4)),
    );
    let cases = [
        (
            token,
            refused(401, code::INVALID_WEBHOOK_TOKEN),
            true,
            Reaction::ForgetToken,
        ),
        (
            token,
            refused(404, code::UNKNOWN_WEBHOOK),
            false,
            Reaction::ForgetToken,
        ),
        (
            token,
            refused(404, code::UNKNOWN_MESSAGE),
            true,
            Reaction::Switch(Route::Channel),
        ),
        (
            token,
            refused(404, code::UNKNOWN_MESSAGE),
            false,
            Reaction::Skip,
        ),
        (
            bot,
            refused(400, code::OLD_MESSAGE_EDITS),
            true,
            Reaction::Switch(Route::Channel),
        ),
        (
            bot,
            refused(403, code::MISSING_ACCESS),
            true,
            Reaction::Switch(Route::Direct),
        ),
        (
            bot,
            refused(404, code::UNKNOWN_CHANNEL),
            false,
            Reaction::Skip,
        ),
        (
            bot,
            refused(500, 0),
            true,
            Reaction::Retry(Duration::from_secs(1)),
        ),
    ];
    for (action, error, ended, reaction) in cases {
        assert_eq!(
            after_failure(&row(), action, &error, ended, 0.0),
            reaction,
            "{error}"
        );
    }
}

#[test]
fn a_way_that_only_refuses_is_left_for_the_next_one() {
    let token = DeliveryAction::EditByToken;
    let bot = DeliveryAction::EditByBot(DiscordId(4));
    let ways = [
        (Route::Interaction, token, Reaction::ForgetToken),
        (Route::Interaction, bot, Reaction::Switch(Route::Channel)),
        (
            Route::Channel,
            DeliveryAction::Post,
            Reaction::Switch(Route::Direct),
        ),
        (
            Route::Direct,
            DeliveryAction::Post,
            Reaction::GiveUp("refused"),
        ),
    ];
    for (route, action, reaction) in ways {
        let mut row = Delivery { route, ..row() };
        let first = after_failure(&row, action, &refused(403, 0), true, 0.0);
        assert_eq!(first, Reaction::Retry(Duration::from_secs(1)));
        row.failures = REFUSALS - 1;
        let last = after_failure(&row, action, &refused(403, 0), true, 0.0);
        assert_eq!(last, reaction, "{route:?}");
        let before_the_end = after_failure(&row, action, &refused(403, 0), false, 0.0);
        assert_eq!(before_the_end, Reaction::Skip);
    }
}

#[test]
fn closed_direct_messages_are_the_end_of_the_way() {
    let row = Delivery {
        route: Route::Direct,
        message: None,
        ..row()
    };
    let reaction = after_failure(
        &row,
        DeliveryAction::Post,
        &refused(403, code::CLOSED_DMS),
        true,
        0.0,
    );
    assert!(matches!(reaction, Reaction::GiveUp(_)));
}

#[test]
fn a_limit_is_waited_out() {
    let error = RestError::Limited {
        route: "r",
        retry_after: Duration::from_secs(40),
    };
    let reaction = after_failure(&row(), DeliveryAction::EditByToken, &error, true, 0.9);
    assert_eq!(reaction, Reaction::Retry(Duration::from_secs(40)));
}

#[test]
fn no_sequence_of_refusals_goes_on_for_ever() {
    for code in [10_008, 50_013, 50_035, 10_003, 50_027] {
        let mut row = row();
        for _ in 0..40 {
            let action = next_delivery_action(&row, true, NOW);
            match action {
                DeliveryAction::Switch(route) => {
                    (row.route, row.message, row.token, row.failures) = (route, None, None, 0);
                }
                _ => match after_failure(&row, action, &refused(401, code), true, 0.0) {
                    Reaction::ForgetToken => row.token = None,
                    Reaction::Switch(route) => {
                        (row.route, row.message, row.token, row.failures) = (route, None, None, 0);
                    }
                    Reaction::GiveUp(why) => row.undeliverable = Some(why.into()),
                    Reaction::Retry(_) | Reaction::Skip => row.failures += 1,
                },
            }
        }
        assert!(row.undeliverable.is_some(), "{code}");
    }
}
