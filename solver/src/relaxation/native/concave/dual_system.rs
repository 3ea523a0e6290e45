//! The Newton system of the `ΔU_n`: `Σ T_n²` unknowns, cost cubic in `N`.

use super::device::Device;
use super::layout::write_products;
use super::newton::{Direction, Frame};
use super::operator::Operator;
use crate::linalg::{Scratch, add_scaled, factorize, make_hermitian, multiply, solve_factorized};
use faer::{Mat, c64};

/// `((I + z zᵀ/β)^{-1} + K^{1/2} 𝓗ᵀ W 𝓗 K^{1/2}) u = z γ/(β + zᵀz) − K^{1/2} 𝓗ᵀ (b − W r)`.
///
/// Block `(n, m)` of `𝓗ᵀ W 𝓗` takes `U` to `(P_nm U Q_nm^H + Q_nm U P_nm^H)/2`, `P = E^H X' E`, `Q = E^H E`.
#[derive(Debug, Clone)]
pub(super) struct DualSystem {
    /// `X' E`.
    weighted: Mat<c64>,
    /// `P` and `Q`.
    p: Mat<c64>,
    q: Mat<c64>,
    matrix: Mat<f64>,
    turned: Mat<c64>,
}

impl DualSystem {
    pub fn new(receive: usize, sides: &[usize]) -> Self {
        let columns: usize = sides.iter().sum();
        let unknowns: usize = sides.iter().map(|side| side * side).sum();
        Self {
            weighted: Mat::zeros(receive, columns),
            p: Mat::zeros(columns, columns),
            q: Mat::zeros(columns, columns),
            matrix: Mat::zeros(unknowns, unknowns),
            turned: Mat::zeros(receive, receive),
        }
    }

    /// Assembles and factorizes it; `softness` is `β`. `false` if rounding leaves no factor.
    pub fn assemble(
        &mut self,
        frame: &Frame,
        operator: &Operator,
        devices: &[Device],
        softness: &[f64],
        scratch: &mut Scratch,
    ) -> bool {
        let Self { weighted, p, q, matrix, .. } = self;
        multiply(weighted.as_mut(), frame.x.as_ref(), operator.stacked.as_ref());
        multiply(p.as_mut(), operator.stacked.adjoint(), weighted.as_ref());
        multiply(q.as_mut(), operator.stacked.adjoint(), operator.stacked.as_ref());
        write_products(&operator.parts, p, q, matrix);
        for (j, &factor) in operator.stiffness.iter().enumerate() {
            let column = matrix.col_as_slice_mut(j)[j..].iter_mut();
            column.zip(&operator.stiffness[j..]).for_each(|(entry, stiffness)| *entry *= factor * stiffness);
            matrix[(j, j)] += 1.0;
        }
        for ((part, device), softness) in operator.parts.iter().zip(devices).zip(softness) {
            // (I + z zᵀ/β)^{-1} = I − z zᵀ/(β + zᵀz).
            let factor = 1.0 / (softness + device.squared_coupling());
            for (j, right) in device.along(part.row) {
                device.along(part.row).for_each(|(i, left)| matrix[(i, j)] -= left * right * factor);
            }
        }
        factorize(matrix.as_mut(), scratch)
    }

    /// Replaces `b` in `out.x` by `ΔX`, and writes `ΔS`, the `Δλ_n` and `u`; `drive` is `γ`.
    pub fn solve(
        &mut self,
        frame: &Frame,
        operator: &mut Operator,
        devices: &[Device],
        softness: &[f64],
        drive: &[f64],
        out: &mut Direction,
    ) {
        let Self { matrix, turned, .. } = self;
        let u = &mut out.u;
        multiply(turned.as_mut(), frame.x.as_ref(), frame.remainder.as_ref());
        make_hermitian(turned.as_mut());
        add_scaled(turned.as_mut(), out.x.as_ref(), -1.0);
        operator.seen(turned.as_ref(), u);
        let firmness = |n: usize| softness[n] + devices[n].squared_coupling();
        for (n, (part, device)) in operator.parts.iter().zip(devices).enumerate() {
            let factor = drive[n] / firmness(n);
            device.along(part.row).for_each(|(i, z)| u[i] += z * factor);
        }
        solve_factorized(matrix.as_ref(), u);
        for (n, (part, device)) in operator.parts.iter().zip(devices).enumerate() {
            // From the rows of u: no difference of large numbers where β is small.
            let coupled: f64 = device.along(part.row).map(|(i, z)| z * u[i]).sum();
            out.multiplier[n] = (drive[n] + coupled) / firmness(n);
        }
        frame.write_slack(operator, u, out.s.as_mut());
        multiply(turned.as_mut(), frame.x.as_ref(), out.s.as_ref());
        make_hermitian(turned.as_mut());
        add_scaled(out.x.as_mut(), turned.as_ref(), -1.0);
    }
}
