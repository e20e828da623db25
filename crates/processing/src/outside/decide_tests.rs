//! Every branch of what is decided: a row with what is known of it, and its one next thing.

use super::rows::*;
use super::*;

/// Each case: what it is, the row, at which second, and what is next.
fn check(policy: Policy, cases: Vec<(&str, Saga, i64, Next)>) {
    for (what, saga, second, next) in cases {
        assert_eq!(decide(&saga, &policy, at(second)), next, "{what}: {saga:#?}");
    }
}

#[test]
fn one_write_to_its_end() {
    use Fate::{NotApplied, NotSent, Open, Refused, Unknown};
    let back = Next::Look(Look::Back(create()));
    check(
        Policy::default(),
        vec![
            ("the first send", opening(), 0, Next::Send(create())),
            ("not sent, so sent", opening().tried(create(), NotSent), 0, Next::Send(create())),
            ("open, and not settled", opening().tried(create(), Open), 99, Next::Wait(at(100))),
            ("unknown, and not settled", opening().tried(create(), Unknown), 99, Next::Wait(at(100))),
            ("open, and settled", opening().tried(create(), Open), 100, back.clone()),
            ("unknown, and settled", opening().tried(create(), Unknown), 100, back),
            ("not there, so once more", opening().tried(create(), NotApplied), 100, Next::Send(create())),
            (
                "what was not sent is no attempt",
                opening().tried(create(), NotApplied).tried(create(), NotSent),
                100,
                Next::Send(create()),
            ),
            (
                "the second one is waited for, too",
                opening().tried(create(), NotApplied).tried(create(), Unknown),
                0,
                Next::Wait(at(100)),
            ),
            (
                "not there twice",
                opening().tried(create(), NotApplied).tried(create(), NotApplied),
                100,
                Next::GiveUp(Because::NeverArrived(create())),
            ),
            ("refused", opening().tried(create(), Refused), 0, Next::GiveUp(Because::Refused(create()))),
            (
                "refused where anything is allowed to fail once",
                opening().done(1).tried(product(2), Refused),
                0,
                Next::GiveUp(Because::Refused(product(2))),
            ),
        ],
    );
    let once = Policy { attempts: 1, ..Policy::default() };
    let lost = opening().tried(create(), NotApplied);
    check(once, vec![("as often as the installation says", lost, 100, Next::GiveUp(Because::NeverArrived(create())))]);
}

#[test]
fn a_line_is_opened_and_then_its_products_in_their_order() {
    check(
        Policy::default(),
        vec![
            ("the first product", opening().done(0), 0, Next::Send(product(1))),
            ("the second", opening().done(1), 0, Next::Send(product(2))),
            ("everything", opening().done(2), 0, Next::Record),
            ("a product is waited for", opening().done(0).tried(product(1), Fate::Unknown), 0, Next::Wait(at(100))),
            ("a package is read", opening().package().done(0), 0, Next::Look(Look::Line(Step::OpenRevService, LINE))),
            ("and done", opening().package().done(0).read(LINE, 1, &[11]), 0, Next::Record),
            (
                "an empty one is read again when everything shows",
                opening().package().done(0).read(LINE, 1, &[]),
                0,
                Next::Wait(at(100)),
            ),
            ("and believed then", opening().package().done(0).read(LINE, 1, &[]), 100, Next::Record),
            ("nothing to do outside", saga(&[]), 0, Next::Record),
        ],
    );
}

#[test]
fn what_was_done_is_taken_back_newest_first() {
    let product_refused = || opening().done(1).tried(product(2), Fate::Refused).given_up();
    let look = Next::Look(Look::Line(Step::OpenRevService, LINE));
    let both = || product_refused().read(LINE, 1, &[11, 12]);
    check(
        Policy::default(),
        vec![
            ("the line is read", product_refused(), 0, look),
            ("the newest product first", both(), 0, Next::Send(disconnect(UNDO, 12))),
            (
                "then the one before",
                both().tried(disconnect(UNDO, 12), Fate::Done(12)),
                0,
                Next::Send(disconnect(UNDO, 11)),
            ),
            (
                "a receipt is believed more than a list that shows nothing",
                product_refused().read(LINE, 1, &[]),
                0,
                Next::Send(disconnect(UNDO, 11)),
            ),
            (
                "then the line",
                product_refused().read(LINE, 1, &[]).tried(disconnect(UNDO, 11), Fate::Done(11)),
                0,
                Next::Send(close(UNDO, LINE)),
            ),
            ("then nothing is left", product_refused().tried(close(UNDO, LINE), Fate::Done(LINE)), 0, Next::Failed),
            ("somebody has ended it", product_refused().ended(LINE), 0, Next::Failed),
            ("it is not there", product_refused().gone(LINE), 0, Next::Failed),
            (
                "it is somebody else's",
                product_refused().read(LINE, 3, &[]),
                0,
                Next::Attention(Attention::NotOurs(LINE)),
            ),
            ("nothing was made", opening().tried(create(), Fate::Refused).given_up(), 0, Next::Failed),
            (
                "what may have happened settles first",
                opening().done(1).tried(product(2), Fate::Unknown).given_up(),
                0,
                Next::Wait(at(100)),
            ),
            (
                "and is looked for",
                opening().tried(create(), Fate::Open).given_up(),
                100,
                Next::Look(Look::Back(create())),
            ),
            ("an undo is waited for", both().tried(disconnect(UNDO, 12), Fate::Unknown), 0, Next::Wait(at(100))),
            (
                "an undo is refused",
                both().tried(disconnect(UNDO, 12), Fate::Refused),
                0,
                Next::Attention(Attention::UndoNotDone(disconnect(UNDO, 12))),
            ),
            (
                "an undo never arrives",
                both().tried(disconnect(UNDO, 12), Fate::NotApplied).tried(disconnect(UNDO, 12), Fate::NotApplied),
                100,
                Next::Attention(Attention::UndoNotDone(disconnect(UNDO, 12))),
            ),
            (
                "what a package brought shows first",
                opening().package().done(0).given_up().read(LINE, 1, &[]),
                99,
                Next::Wait(at(100)),
            ),
            (
                "and is ended then",
                opening().package().done(0).given_up().read(LINE, 1, &[11]),
                100,
                Next::Send(disconnect(UNDO, 11)),
            ),
        ],
    );
}

#[test]
fn a_line_of_another_account_is_ended_first_and_never_opened_again() {
    let both = closing_and_opening;
    let look = Next::Look(Look::Line(Step::CloseRevService, OLD));
    let refused = |saga: Saga| saga.tried(create(), Fate::Refused).given_up();
    check(
        Policy::default(),
        vec![
            ("it is read", both(), 0, look),
            ("its products", both().read(OLD, 2, &[21, 22]), 0, Next::Send(disconnect(APPLY, 22))),
            ("then itself", both().read(OLD, 2, &[]), 0, Next::Send(close(APPLY, OLD))),
            ("then the new one", both().tried(close(APPLY, OLD), Fate::Done(OLD)), 0, Next::Send(create())),
            ("it has ended already", both().ended(OLD), 0, Next::Send(create())),
            ("it is not there any more", both().gone(OLD), 0, Next::Send(create())),
            ("it was over when another account's gate was asked", both().over(OLD), 0, Next::Send(create())),
            ("it has the SIM's number", both().of_sim().billed(OLD, 2, "1555", ""), 0, Next::Send(close(APPLY, OLD))),
            ("without the country's 1", both().of_sim().billed(OLD, 2, "555", ""), 0, Next::Send(close(APPLY, OLD))),
            ("another SIM's number", both().of_sim().billed(OLD, 2, "1777", "8914"), 0, Next::Stale(Some(OLD))),
            ("no number, its ICCID", both().of_sim().billed(OLD, 2, "", "8914"), 0, Next::Send(close(APPLY, OLD))),
            (
                "its ICCID, and it is taken back",
                both().of_sim().taking_back().billed(OLD, 2, "1777", "8914"),
                0,
                Next::Send(close(APPLY, OLD)),
            ),
            ("it bills another SIM by now", both().of_sim().billed(OLD, 2, "1777", "8915"), 0, Next::Stale(Some(OLD))),
            (
                "it moved after a product of it was ended",
                both().tried(disconnect(APPLY, 21), Fate::Done(21)).read(OLD, 3, &[]),
                0,
                Next::GiveUp(Because::LineMoved(OLD)),
            ),
            ("it moved", both().read(OLD, 3, &[]), 0, Next::Stale(Some(OLD))),
            (
                "a product of it is not known",
                both().read(OLD, 2, &[]).tried(disconnect(APPLY, 21), Fate::Unknown),
                0,
                Next::Wait(at(100)),
            ),
            (
                "refused",
                both().read(OLD, 2, &[]).tried(close(APPLY, OLD), Fate::Refused),
                0,
                Next::GiveUp(Because::Refused(close(APPLY, OLD))),
            ),
            (
                "the rest is refused",
                refused(both().tried(close(APPLY, OLD), Fate::Done(OLD))),
                0,
                Next::Attention(Attention::CannotReopen(OLD)),
            ),
            (
                "half of it was ended",
                refused(both().tried(disconnect(APPLY, 21), Fate::Done(21))),
                0,
                Next::Attention(Attention::CannotReopen(OLD)),
            ),
            ("nothing of it was", refused(both()), 0, Next::Failed),
            (
                "closing is all there is",
                saga(&[Step::CloseRevService]).tried(close(APPLY, OLD), Fate::Done(OLD)),
                0,
                Next::Record,
            ),
        ],
    );
}

#[test]
fn a_line_is_taken_and_put_back_only_as_it_was_left() {
    let look = || Next::Look(Look::Line(Step::UpdateRevService, TAKEN));
    let done = || updating().tried(patch(APPLY), Fate::Done(TAKEN));
    check(
        Policy::default(),
        vec![
            ("it is read", updating(), 0, look()),
            ("and changed", updating().read_taken(1, "", ""), 0, Next::Send(patch(APPLY))),
            ("also without the leading 1", updating().read_taken(1, "555", ""), 0, Next::Send(patch(APPLY))),
            ("it bills another", updating().read_taken(1, "7", "2"), 0, Next::Stale(Some(TAKEN))),
            ("it is so already", updating().read_taken(1, "1555", "8914"), 0, Next::Record),
            ("it moved", updating().read_taken(3, "1", "2"), 0, Next::Stale(Some(TAKEN))),
            ("it has ended", updating().ended(TAKEN), 0, Next::Stale(Some(TAKEN))),
            ("it is gone", updating().gone(TAKEN), 0, Next::Stale(Some(TAKEN))),
            ("not known, so not read", updating().tried(patch(APPLY), Fate::Open), 0, Next::Wait(at(100))),
            ("looked for", updating().tried(patch(APPLY), Fate::Open), 100, Next::Look(Look::Back(patch(APPLY)))),
            ("read again before it is sent again", updating().tried(patch(APPLY), Fate::NotApplied), 100, look()),
            ("done", done(), 0, Next::Record),
            ("given up before anything", updating().given_up(), 0, Next::Failed),
            ("read before it is put back", done().given_up(), 0, look()),
            ("put back", done().given_up().read_taken(1, "1555", "8914"), 0, Next::Send(patch(UNDO))),
            (
                "changed by somebody since",
                done().given_up().read_taken(1, "7", "8914"),
                0,
                Next::Attention(Attention::NotOurs(TAKEN)),
            ),
            (
                "moved since",
                done().given_up().read_taken(3, "1555", "8914"),
                0,
                Next::Attention(Attention::NotOurs(TAKEN)),
            ),
            ("ended since", done().given_up().ended(TAKEN), 0, Next::Attention(Attention::NotOurs(TAKEN))),
            ("put back and over", done().given_up().tried(patch(UNDO), Fate::Done(TAKEN)), 0, Next::Failed),
        ],
    );
}

#[test]
fn a_person_is_asked_first_where_the_installation_says_so() {
    let asks = Policy { asks_before_undo: true, ..Policy::default() };
    let refused = || opening().done(1).tried(product(2), Fate::Refused).given_up();
    let look = || Next::Look(Look::Line(Step::OpenRevService, LINE));
    let taken = || updating().tried(patch(APPLY), Fate::Done(TAKEN)).given_up();
    check(
        asks,
        vec![
            ("asked", refused(), 0, Next::Attention(Attention::AskFirst)),
            ("answered", refused().decided(Resolution::TakeBack), 0, look()),
            ("what was begun goes on", refused().tried(disconnect(UNDO, 11), Fate::Done(11)), 0, look()),
            ("there is nothing to ask about", opening().tried(create(), Fate::Refused).given_up(), 0, Next::Failed),
            (
                "what is not known settles first",
                opening().done(0).tried(product(1), Fate::Open).given_up(),
                0,
                Next::Wait(at(100)),
            ),
            ("of a line that was taken, too", taken(), 0, Next::Attention(Attention::AskFirst)),
        ],
    );
}

#[test]
fn what_a_person_decides_is_done_and_looked_at_first() {
    use Resolution::{Adopt, LookAgain, Processed, SendAgain, TakeBack};
    let unknown = |resolution| opening().tried(create(), Fate::Unknown).decided(resolution);
    let refused = |resolution| opening().tried(create(), Fate::Refused).decided(resolution);
    let lost = |times: usize, resolution| {
        (0..times).fold(opening(), |saga, _| saga.tried(create(), Fate::NotApplied)).decided(resolution)
    };
    let adopt = Next::Look(Look::Adopt(create(), 77));
    let closing = saga(&[Step::CloseRevService]).tried(close(APPLY, OLD), Fate::Unknown).decided(Adopt(77));
    check(
        Policy::default(),
        vec![
            ("processed, whatever is known", unknown(Processed), 0, Next::Record),
            ("processed, also while given up", refused(Processed).given_up(), 0, Next::Record),
            ("adopted after a look, at any time", unknown(Adopt(77)), 0, adopt),
            ("only what is made is adopted", closing, 0, Next::Wait(at(100))),
            ("looked at again", unknown(LookAgain), 100, Next::Look(Look::Back(create()))),
            ("looked at again when it has settled", unknown(LookAgain), 0, Next::Wait(at(100))),
            ("looked for before it is sent again", refused(SendAgain), 0, Next::Look(Look::Back(create()))),
            ("sent again though refused", refused(SendAgain).looked_for(create()), 0, Next::Send(create())),
            ("looked for once more, too", lost(2, SendAgain), 100, Next::Look(Look::Back(create()))),
            ("sent again once more", lost(2, SendAgain).looked_for(create()), 100, Next::Send(create())),
            (
                "and not for ever",
                lost(3, SendAgain).looked_for(create()),
                100,
                Next::GiveUp(Because::NeverArrived(create())),
            ),
            ("never before it has settled", unknown(SendAgain), 0, Next::Wait(at(100))),
            (
                "taken back",
                opening().done(0).decided(TakeBack).given_up(),
                0,
                Next::Look(Look::Line(Step::OpenRevService, LINE)),
            ),
        ],
    );
}

#[test]
fn a_cancelled_row_is_cancelled_before_it_began_and_carried_on_after() {
    check(
        Policy::default(),
        vec![
            ("before", opening().cancelled(), 0, Next::Cancelled),
            ("after", opening().tried(create(), Fate::Done(LINE)).cancelled(), 0, Next::Send(product(1))),
            (
                "what was not sent has not begun",
                opening().tried(create(), Fate::NotSent).cancelled(),
                0,
                Next::Cancelled,
            ),
            ("what is given up is no cancel", opening().cancelled().given_up(), 0, Next::Failed),
        ],
    );
}

#[test]
fn what_came_late_is_ended_and_nothing_else() {
    let policy = Policy::default();
    let late = Closing { line: 50, customer: 1 };
    let over = || opening().tried(create(), Fate::NotApplied).done(2);
    let line = |id: i64| close(UNDO, id);
    for (what, saga, next) in [
        ("it is read", over(), Next::Look(Look::Line(Step::OpenRevService, 50))),
        ("its products first", over().read(50, 1, &[51]), Next::Send(disconnect(UNDO, 51))),
        ("those of the line that stays are not its", over().read(50, 1, &[]), Next::Send(line(50))),
        ("not before it is known", over().tried(line(50), Fate::Unknown), Next::Look(Look::Back(line(50)))),
        ("ended", over().tried(line(50), Fate::Done(50)), Next::Record),
        ("ended by somebody", over().ended(50), Next::Record),
        ("somebody else's", over().read(50, 3, &[]), Next::Attention(Attention::NotOurs(50))),
        (
            "refused",
            over().read(50, 1, &[]).tried(line(50), Fate::Refused),
            Next::Attention(Attention::UndoNotDone(line(50))),
        ),
    ] {
        assert_eq!(decide_late(&saga, late, &policy, at(100)), next, "{what}: {saga:#?}");
    }
    let product = |fate| over().tried(disconnect(UNDO, 52), fate);
    for (what, saga, next) in [
        ("ended", over(), Next::Send(disconnect(UNDO, 52))),
        ("looked for", product(Fate::Unknown), Next::Look(Look::Back(disconnect(UNDO, 52)))),
        ("gone", product(Fate::Done(52)), Next::Record),
        ("refused", product(Fate::Refused), Next::Attention(Attention::UndoNotDone(disconnect(UNDO, 52)))),
    ] {
        assert_eq!(decide_late_product(&saga, 52, &policy, at(100)), next, "{what}: {saga:#?}");
    }
}

#[test]
fn what_was_sent_after_the_end_settles_before_anything_else_is_looked_for() {
    let policy = Policy::default();
    let sent = |fate| opening().done(2).tried(close(UNDO, 50), fate);
    for (fate, second, next) in [
        (Fate::Open, 0, Some(Next::Wait(at(100)))),
        (Fate::Unknown, 100, Some(Next::Look(Look::Back(close(UNDO, 50))))),
        (Fate::Done(50), 0, None),
        (Fate::NotApplied, 100, None),
    ] {
        assert_eq!(decide_unsettled(&sent(fate), &policy, at(second)), next, "{fate:?}");
    }
}

#[test]
fn a_row_that_moved_before_anything_was_sent_is_left_alone_and_later_it_goes_on() {
    let stale = || opening().stale();
    check(
        Policy::default(),
        vec![
            ("nothing was sent", stale(), 0, Next::Stale(None)),
            ("provably nothing was", stale().tried(create(), Fate::NotSent), 0, Next::Stale(None)),
            ("it was sent", stale().tried(create(), Fate::Open), 0, Next::Wait(at(100))),
            ("it was done", stale().done(2), 0, Next::Record),
            ("it is being taken back", stale().given_up(), 0, Next::Failed),
            ("a person says that it is done", stale().decided(Resolution::Processed), 0, Next::Record),
            ("nobody wants it any more", stale().cancelled(), 0, Next::Cancelled),
        ],
    );
}
