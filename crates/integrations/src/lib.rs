//! THE OUTSIDE: what carriers and the billing system say and are told, by their own protocols.
//! Must not know: a database, a queue, a web page; a call gets its permit and its credentials handed in.
