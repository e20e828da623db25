//! Who bills the customers.

pub mod rev_io;
