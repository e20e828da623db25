//! People: signing in, sessions, forms, pages and the roles that open them.

mod api;
mod first;
mod forms;
mod pages;
mod sessions;
mod sign_in;
