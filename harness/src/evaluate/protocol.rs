//! Perplexity protocols: which tokens are scored in which context. A perplexity without its protocol means nothing.

use std::ops::Range;

/// One forward pass of a protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// The tokens that are run, from an empty cache.
    pub tokens: Range<usize>,
    /// Those of them that are scored, each given all before it in the window.
    pub scored: Range<usize>,
}

/// How a text becomes windows.
pub trait Protocol {
    /// The windows of a text of `tokens` tokens, in order.
    fn windows(&self, tokens: usize) -> Vec<Window>;

    /// The protocol in one sentence.
    fn describe(&self) -> String;
}

/// Disjoint windows of `context` tokens, each alone: every token but a window's first is scored, the tail of the text is
/// dropped. The convention of GPTQ and most quantization papers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DisjointWindows {
    /// Tokens per window, at least 2 for anything to be scored.
    pub context: usize,
    /// At most so many windows, from the start of the text.
    pub limit: Option<usize>,
}

impl Protocol for DisjointWindows {
    fn windows(&self, tokens: usize) -> Vec<Window> {
        if self.context < 2 {
            return Vec::new();
        }
        let count = (tokens / self.context).min(self.limit.unwrap_or(usize::MAX));
        (0..count)
            .map(|index| {
                let (start, end) = (index * self.context, (index + 1) * self.context);
                Window { tokens: start..end, scored: start + 1..end }
            })
            .collect()
    }

    fn describe(&self) -> String {
        let limit = self.limit.map_or(String::new(), |limit| format!(" (the first {limit} at most)"));
        format!(
            "exp of the mean negative log-likelihood per token; the text is tokenized once with one BOS at its start; disjoint \
             windows of {} tokens{limit}, each alone, all targets but a window's first token scored, the tail dropped",
            self.context
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_disjoint_and_drop_the_tail() {
        let protocol = DisjointWindows { context: 4, limit: None };
        let windows = protocol.windows(11);
        assert_eq!(windows.len(), 2);
        assert_eq!(windows[1], Window { tokens: 4..8, scored: 5..8 });
        assert_eq!(protocol.windows(3), []);
        assert_eq!(DisjointWindows { context: 4, limit: Some(1) }.windows(11).len(), 1);
        assert_eq!(DisjointWindows { context: 1, limit: None }.windows(11), []);
    }
}
