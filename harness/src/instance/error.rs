//! What can be wrong with an instance file.

/// Why a file is not a list of instances. Places are paths as `[1].channels[0].re[3][2]`, counted from 0.
#[derive(Debug, thiserror::Error)]
pub enum InstanceError {
    /// More bytes than any sensible instance has.
    #[error("more than {limit} bytes")]
    TooLarge {
        /// Most bytes.
        limit: usize,
    },
    /// Not JSON.
    #[error("not JSON{hint}")]
    Json {
        /// What may be the matter, where that can be said.
        hint: &'static str,
        /// What and where.
        source: serde_json::Error,
    },
    /// An empty list.
    #[error("the list of instances is empty")]
    NoInstance,
    /// A field that must be there is not.
    #[error("{place} has no field {field}")]
    Missing {
        /// The object.
        place: String,
        /// The field.
        field: &'static str,
    },
    /// A value of the wrong kind.
    #[error("{place}: expected {expected}, found {found}")]
    Unexpected {
        /// Where.
        place: String,
        /// What should be there.
        expected: &'static str,
        /// What is there.
        found: String,
    },
    /// Lists that disagree.
    #[error("{place} holds {found} values, expected {expected}: {reason}")]
    Count {
        /// The list.
        place: String,
        /// Values it should hold.
        expected: usize,
        /// Values it holds.
        found: usize,
        /// Why so many.
        reason: &'static str,
    },
    /// A size that is zero or absurd.
    #[error("{place} is {value}, but must be from 1 to {maximum}")]
    Size {
        /// Where; a list stands for its length.
        place: String,
        /// The size.
        value: usize,
        /// Largest valid size.
        maximum: usize,
    },
    /// Sizes that are fine one by one, but not together.
    #[error(
        "{place}: the squares of these numbers add up to {unknowns}, but must not to more than {maximum}"
    )]
    Unknowns {
        /// The list of antennas.
        place: String,
        /// `Σ T_n²`, the unknowns of a relaxation.
        unknowns: usize,
        /// Most unknowns.
        maximum: usize,
    },
}

impl InstanceError {
    /// A syntax error, with a hint where the file holds what JSON cannot: NaN and infinities.
    pub(super) fn json(bytes: &[u8], source: serde_json::Error) -> Self {
        let line =
            bytes.split(|&byte| byte == b'\n').nth(source.line().saturating_sub(1)).unwrap_or_default();
        let near = &line[source.column().saturating_sub(3).min(line.len())..];
        let near = &near[..near.len().min(8)];
        let non_finite = [&b"NaN"[..], b"nan", b"Inf", b"inf"]
            .iter()
            .any(|word| near.windows(word.len()).any(|window| window == *word));
        let hint =
            if non_finite { "; it has no NaN and no infinity, every number must be finite" } else { "" };
        Self::Json { hint, source }
    }
}
