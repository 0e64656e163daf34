//! The page on which people look at candidates again, and the journal of what they decided.
//!
//! | file | what it does |
//! |---|---|
//! | [`subjects`] | the data with what is known of their labels, and the table of suspects |
//! | [`journal`] | what was decided, a line each, on disk before anybody hears that it is |
//! | [`decisions`] | a journal's last words about each candidate, and labels made of them |
//! | [`work`], [`decide`] | what is shown to whom; what is decided, and who was there first |
//! | `vote` | which candidates a voter is shown |
//! | [`view`] | what the page is sent of it |
//! | `picture` | a candidate's images as PNG |
//! | [`server`] | the page, on this machine alone unless asked |
//!
//! A program that repairs labels without a page reads a journal ([`Decisions::read`]) and puts
//! it to the data ([`apply()`]).

pub mod decide;
pub mod decisions;
pub mod journal;
mod picture;
pub mod server;
pub mod subjects;
pub mod view;
mod vote;
pub mod work;

pub use decisions::{Applied, Decisions, Unsure, apply};
pub use journal::{Answer, Journal, Line, Mode};
pub use server::{Event, Serving, Watcher, serve};
pub use subjects::{Item, Subjects};
pub use work::{Options, Work};
