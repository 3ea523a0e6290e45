//! How far from optimal shares are: *theory*, section 5 (Mak, Morton, Wood 1999, with tangents).
//!
//! # Statement
//!
//! Let `f(m) = E[v(p(m); ξ)]` over `𝒳 = { l ≤ m ≤ u, Σ m = 1 }`, `v` convex in the powers, and at given shares `m` let every block
//! have certified `l_s ≤ v ≤ u_s` and a tangent `g_s`, `l_s + g_s^T (m' − m) ≤ v(p(m'); ξ_s)`. With `M(l, g) = l + min_{m' ∈ 𝒳} g^T (m' − m)`,
//!
//! 1. `M(E l, E g) ≤ f* = min f` and `f(m) − f* ≤ E u − M(E l, E g)`; for linear `v` known exactly with equality, and if all that is known of it is
//!    `v − a ≤ v ≤ v + b`, they are apart by `a` and `a + b`;
//! 2. `E M` over means of batches is at most `M(E l, E g)`, and grows with the blocks in a batch (`M` is concave: Jensen);
//! 3. for Gaussian batch means each of the bounds on `f(m)`, `f*` and `f(m) − f*` holds with its confidence, and nearly so for means of many
//!    blocks of finite variance (central limit).
//!
//! # Hypotheses
//!
//! - **convex**: without it a tangent is no lower bound, and shares that are far from optimal look optimal;
//! - **finite variance** (for 3): with heavier tails, most samples see less than the mean, and no number of blocks mends it;
//! - **Gaussian means**, or many blocks (for 3): few blocks of what is rare see none of it;
//! - **blocks of its own**: the least of several bounds holds less often;
//! - **batches of many blocks** (for a tight bound): a minimum over noisy tangents of one block each widens the gap at the optimum itself.

#[cfg(test)]
mod counterexamples;
#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod tests;
