//! People: signing in, sessions, forms, pages and the roles that open them.

mod accounts;
mod api;
mod every_page;
mod first;
mod forms;
mod keys;
mod offered;
mod pages;
mod sessions;
mod sign_in;
mod watched;
