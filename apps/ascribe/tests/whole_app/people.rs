//! People: signing in, sessions, forms, pages and the roles that open them.

mod api;
mod assigning;
mod first;
mod forms;
mod lanes;
mod pages;
mod picked;
mod sessions;
mod sign_in;
