//! What views are built from.

pub mod chart_view;
pub mod counted;
pub mod editor_view;
pub mod field;
pub mod header;
pub mod notices;
pub mod prepared;
pub mod save_dialog;
pub mod swept;
pub mod underneath;
pub mod why;
