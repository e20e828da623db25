//! People: signing in, sessions, forms, pages and the roles that open them.

mod accounts;
mod api;
mod assigning;
mod every_page;
mod first;
mod forms;
mod keys;
mod lanes;
mod offered;
mod pages;
mod picked;
mod sessions;
mod sign_in;
mod watched;
