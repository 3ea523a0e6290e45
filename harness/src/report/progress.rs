//! How a long computation says how far it is.

/// Told how far a computation is. Called from any thread; must not change what is computed.
pub trait Progress: Sync {
    /// A stage of `total` steps begins; an unfinished earlier one is over.
    fn begin(&self, total: u64, what: &str);
    /// `steps` more of the current stage's steps are done.
    fn advance(&self, steps: u64);
    /// What is being worked on within the stage.
    fn message(&self, text: &str);
    /// The computation is over.
    fn finish(&self);
}

/// Tells nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _total: u64, _what: &str) {}
    fn advance(&self, _steps: u64) {}
    fn message(&self, _text: &str) {}
    fn finish(&self) {}
}
