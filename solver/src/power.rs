//! Energy accounting: what computing a share of the model leaves for transmitting (\[A\], eq. (8)).
//!
//! `e_n m_n s_tot + (L_0/L) ‖B_n‖_F² ≤ P_n^max`: device `n` computes a share `m_n` of a layer of `s_tot`
//! parameters at `e_n` per parameter, then sends the layer's `L_0` outputs in `L_0/L` channel uses.
//! How `P_n^max` is meant is a choice of the caller, named by [`Accounting`] and never implied.

use crate::error::{Error, Quantity};

/// What the budget `P_n^max` pays for.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case", deny_unknown_fields)
)]
pub enum Accounting {
    /// Eq. (8) as printed: `P_n^max` is an energy per all-reduce, spread over its `symbols/streams` channel uses.
    /// The power per channel use is `(P_n^max − e_n m_n s_tot) · L / L_0`.
    PerAllReduce {
        /// Symbols `L_0` that a device sends per all-reduce.
        symbols: usize,
        /// Streams `L` sent per channel use.
        streams: usize,
    },
    /// `P_n^max` is a power per channel use, and so is the drain of computing: the power left is
    /// `P_n^max − e_n m_n s_tot`. The reading under which \[A\]'s own digital rates come out (theory, section 1).
    PerChannelUse,
}

impl Accounting {
    /// Channel uses that share the budget.
    fn channel_uses(self) -> f64 {
        match self {
            Self::PerAllReduce { symbols, streams } => symbols as f64 / streams as f64,
            Self::PerChannelUse => 1.0,
        }
    }
}

/// One device's energy: budget, cost of computing, and the accounting that relates them to transmit power.
///
/// The power left per channel use, `p_n(m_n)`, is affine and decreasing in the share.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(try_from = "crate::document::EnergyModel")
)]
pub struct EnergyModel {
    budget: f64,
    whole_model: f64,
    accounting: Accounting,
}

impl EnergyModel {
    /// A device with budget `P_n^max` (joules per all-reduce, or watts, by `accounting`) that spends
    /// `compute_coefficient` = `e_n` (the same unit per parameter) on each of the `parameters` = `s_tot` of a layer.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless `P_n^max > 0`, `e_n ≥ 0` and `s_tot ≥ 0`, all finite, as is their product.
    /// [`Error::InvalidOption`] if the accounting has zero symbols or zero streams.
    pub fn new(
        budget: f64,
        compute_coefficient: f64,
        parameters: f64,
        accounting: Accounting,
    ) -> Result<Self, Error> {
        let out_of_range =
            |quantity, value, valid| Err(Error::OutOfRange { quantity, device: 0, value, valid });
        if !(budget.is_finite() && budget > 0.0) {
            return out_of_range(Quantity::EnergyBudget, budget, "positive and finite");
        }
        if !(compute_coefficient.is_finite() && compute_coefficient >= 0.0) {
            return out_of_range(
                Quantity::ComputeCoefficient,
                compute_coefficient,
                "non-negative and finite",
            );
        }
        if !(parameters >= 0.0 && parameters.is_finite() && (compute_coefficient * parameters).is_finite()) {
            return out_of_range(
                Quantity::Parameters,
                parameters,
                "non-negative and finite, as is e_n·s_tot",
            );
        }
        if let Accounting::PerAllReduce { symbols, streams } = accounting {
            if symbols == 0 {
                return Err(Error::InvalidOption { option: "symbols", value: 0.0, valid: "at least 1" });
            }
            if streams == 0 {
                return Err(Error::InvalidOption { option: "streams", value: 0.0, valid: "at least 1" });
            }
        }
        Ok(Self { budget, whole_model: compute_coefficient * parameters, accounting })
    }

    /// `p_n(m_n)`, the transmit power per channel use that share `m_n` leaves.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless `0 ≤ m_n ≤ 1`; [`Error::NoPowerLeft`] if nothing is left. `device` only
    /// labels the error.
    pub fn transmit_power(&self, device: usize, share: f64) -> Result<f64, Error> {
        if !(0.0..=1.0).contains(&share) {
            return Err(Error::OutOfRange {
                quantity: Quantity::Share,
                device,
                value: share,
                valid: "0 to 1",
            });
        }
        let computing = self.whole_model * share;
        let left = (self.budget - computing) / self.accounting.channel_uses();
        if left > 0.0 {
            return Ok(left);
        }
        let largest_share = self.largest_share(0.0);
        Err(Error::NoPowerLeft { device, share, computing, budget: self.budget, largest_share })
    }

    /// `dp_n/dm_n = −e_n s_tot L/L_0` (or `−e_n s_tot`, per channel use); never positive.
    pub fn slope(&self) -> f64 {
        -self.whole_model / self.accounting.channel_uses()
    }

    /// The largest share in `[0, 1]` that leaves at least `floor` transmit power, or 0 if none does (or `floor` is not a number).
    pub fn largest_share(&self, floor: f64) -> f64 {
        let spare = self.budget - floor * self.accounting.channel_uses();
        if spare > 0.0 { (spare / self.whole_model).min(1.0) } else { 0.0 }
    }
}
