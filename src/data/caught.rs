//! Foreign parsers on foreign bytes: a panic of theirs is an error, and is not printed.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    /// How many calls of [`caught`] this thread is in.
    static INSIDE: Cell<usize> = const { Cell::new(0) };
}

static HOOK: Once = Once::new();

/// Runs `parse`; `None` if it panics. The standard library prints a panic before it can be
/// caught, so the process' panic hook stays silent for threads that are in here.
pub(crate) fn caught<T>(parse: impl FnOnce() -> T) -> Option<T> {
    HOOK.call_once(|| {
        let hook = take_hook();
        set_hook(Box::new(move |info| {
            if INSIDE.get() == 0 {
                hook(info);
            }
        }));
    });
    INSIDE.set(INSIDE.get() + 1);
    let result = catch_unwind(AssertUnwindSafe(parse)).ok();
    INSIDE.set(INSIDE.get() - 1);
    result
}
