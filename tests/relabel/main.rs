//! `rbgpu relabel`: what may be asked of the page's server, what it writes, and the page itself
//! in Chromium, without a mouse. Pictures of the page are left in target/tmp/relabel.

mod applied;
mod asked;
mod doors;
mod driver;
mod keyboard;
mod refused;
mod served;
