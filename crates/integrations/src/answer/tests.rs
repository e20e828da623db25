//! The table of `reliability.md` 4.1, row by row, and what must hold of every row that is not in it.

use super::*;
use proptest::prelude::*;

const WAITS: Waits = Waits {
    not_sent: Duration::from_secs(1),
    throttled: Duration::from_secs(2),
    quota_spent: Duration::from_secs(3),
    failed_read: Duration::from_secs(4),
    most: Duration::from_secs(100),
    most_for_quota: Duration::from_secs(1_000),
};

fn known() -> Refusal {
    Refusal {
        by: RefusedBy::Application,
        status: Some(400),
        code: Some("NO".to_owned()),
        message: "does not exist".to_owned(),
    }
}

fn answered(status: u16, said: Said<u8>) -> Evidence<u8> {
    Evidence::Answered { status, said }
}

fn later(seconds: u64, why: Postponed) -> Answer<u8> {
    Answer::TryLater { after: Duration::from_secs(seconds), why }
}

fn unproven(status: u16, detail: &str) -> Trouble {
    Trouble::Unproven { status, detail: detail.to_owned() }
}

/// A row whose write and read mean the same.
fn both(evidence: &Evidence<u8>, expected: &Answer<u8>) {
    for kind in [Kind::Read, Kind::Write] {
        assert_eq!(&classify(kind, evidence.clone(), &WAITS), expected, "{kind:?} {evidence:?}");
    }
}

/// A row that leaves a write in doubt.
fn doubtful(evidence: &Evidence<u8>, trouble: &Trouble) {
    let write = classify(Kind::Write, evidence.clone(), &WAITS);
    assert_eq!(write, Answer::Unknown { why: trouble.clone() }, "{evidence:?}");
    let read = classify(Kind::Read, evidence.clone(), &WAITS);
    assert_eq!(read, later(4, Postponed::ReadFailed(trouble.clone())), "{evidence:?}");
}

#[test]
fn what_never_left_is_tried_later() {
    let points = [
        BeforeSending::Request,
        BeforeSending::Name,
        BeforeSending::Refused,
        BeforeSending::ConnectTimeout,
        BeforeSending::Tls,
        BeforeSending::Connecting,
        BeforeSending::ClosedBeforeUse,
    ];
    for at in points {
        let how = NotSent { at, detail: String::new() };
        both(&Evidence::NotSent(how.clone()), &later(1, Postponed::NotSent(how)));
    }
}

#[test]
fn a_throttle_is_tried_later_under_any_status_and_never_after_more_than_the_most() {
    for status in [200, 400, 403, 429, 500, 503] {
        for (after, expected) in [(None, 2), (Some(7), 7), (Some(u64::MAX), 100)] {
            let said = Said::Throttled { after: after.map(Duration::from_secs) };
            both(&answered(status, said), &later(expected, Postponed::Throttled));
        }
    }
    for said in [Said::Nothing(String::new()), Said::KnownError(known()), Said::Proof(1)] {
        both(&answered(429, said), &later(2, Postponed::Throttled));
    }
    both(&answered(429, Said::Incomplete(Trouble::TimedOut)), &later(2, Postponed::Throttled));
}

#[test]
fn a_spent_quota_is_tried_much_later_and_blames_no_credentials() {
    for (after, expected) in [(None, 3), (Some(999), 999), (Some(5_000), 1_000)] {
        let said = Said::QuotaSpent { after: after.map(Duration::from_secs) };
        both(&answered(403, said), &later(expected, Postponed::QuotaSpent));
    }
}

#[test]
fn refused_credentials_pause_the_account_whatever_else_is_said() {
    for status in [401, 403] {
        let refused = |message: &str| Answer::CredentialsRefused { status, message: message.to_owned() };
        both(&answered(status, Said::Nothing("no key".to_owned())), &refused("no key"));
        both(&answered(status, Said::KnownError(known())), &refused("does not exist"));
        both(&answered(status, Said::Incomplete(Trouble::TooLarge)), &refused("the answer is larger than is read"));
    }
}

#[test]
fn a_sign_in_that_has_run_out_is_renewed_at_once_and_blames_no_credentials() {
    for part in [SignInPart::Bearer, SignInPart::Session] {
        for status in [400, 401, 403] {
            both(&answered(status, Said::SignInLapsed(part)), &later(0, Postponed::SignInLapsed(part)));
        }
    }
    assert!(!Postponed::SignInLapsed(SignInPart::Session).is_an_attempt());
}

#[test]
fn credentials_that_the_provider_refuses_in_its_own_words_pause_the_account_under_any_status() {
    for status in [200, 400, 401, 403, 404] {
        let refused = Answer::CredentialsRefused { status, message: "locked".to_owned() };
        both(&answered(status, Said::CredentialsRefused("locked".to_owned())), &refused);
    }
}

#[test]
fn a_known_error_refuses_and_an_unknown_one_does_not() {
    for status in [400, 404, 405, 409, 410, 412, 413, 415, 422] {
        both(&answered(status, Said::KnownError(known())), &Answer::Refused(known()));
        doubtful(&answered(status, Said::Nothing("?".to_owned())), &unproven(status, "?"));
    }
    for status in [408, 425, 499] {
        doubtful(&answered(status, Said::KnownError(known())), &unproven(status, "does not exist"));
    }
}

#[test]
fn only_proof_under_a_2xx_is_done() {
    for status in [200, 201, 202, 204] {
        both(&answered(status, Said::Proof(1)), &Answer::Done(1));
        doubtful(&answered(status, Said::Nothing("no id".to_owned())), &unproven(status, "no id"));
        doubtful(&answered(status, Said::KnownError(known())), &unproven(status, "does not exist"));
        doubtful(&answered(status, Said::Incomplete(Trouble::TimedOut)), &Trouble::TimedOut);
    }
}

#[test]
fn everything_else_leaves_a_write_in_doubt() {
    let cut = Trouble::Cut { detail: "reset".to_owned() };
    for trouble in [Trouble::TimedOut, cut, Trouble::TooLarge] {
        doubtful(&Evidence::NoAnswer(trouble.clone()), &trouble);
    }
    for status in [100, 101, 301, 302, 304, 307, 308, 500, 501, 502, 503, 504, 520, 599] {
        doubtful(&answered(status, Said::Nothing("x".to_owned())), &unproven(status, "x"));
        doubtful(&answered(status, Said::KnownError(known())), &unproven(status, "does not exist"));
        doubtful(&answered(status, Said::Proof(1)), &unproven(status, "proof under a status that is none"));
    }
}

fn any_said() -> impl Strategy<Value = Said<u8>> {
    prop_oneof![
        Just(Said::Proof(1)),
        Just(Said::KnownError(known())),
        any::<Option<u64>>().prop_map(|after| Said::Throttled { after: after.map(Duration::from_secs) }),
        any::<Option<u64>>().prop_map(|after| Said::QuotaSpent { after: after.map(Duration::from_secs) }),
        Just(Said::SignInLapsed(SignInPart::Bearer)),
        ".*".prop_map(Said::CredentialsRefused),
        ".*".prop_map(Said::Nothing),
        Just(Said::Incomplete(Trouble::TimedOut)),
    ]
}

proptest! {
    #[test]
    fn a_write_is_done_only_by_proof_and_refused_only_by_a_known_error_of_the_four_hundreds(
        status in 0_u16..1_000,
        said in any_said(),
    ) {
        match classify(Kind::Write, answered(status, said.clone()), &WAITS) {
            Answer::Done(_) => prop_assert!((200..300).contains(&status) && said == Said::Proof(1)),
            Answer::Refused(_) => prop_assert!((400..500).contains(&status) && said == Said::KnownError(known())),
            Answer::TryLater { after, why } => {
                prop_assert!(after <= WAITS.most_for_quota);
                prop_assert!(!why.is_an_attempt(), "a write that was answered is not simply tried again");
            }
            Answer::CredentialsRefused { .. } => {
                prop_assert!(status == 401 || status == 403 || matches!(said, Said::CredentialsRefused(_)));
            }
            Answer::Unknown { .. } => {}
        }
    }

    #[test]
    fn a_read_is_never_in_doubt(status in 0_u16..1_000, said in any_said()) {
        let answer = classify(Kind::Read, answered(status, said), &WAITS);
        prop_assert!(!matches!(answer, Answer::Unknown { .. }), "{:?}", answer);
    }
}
