//! Closed forms and baselines: what to measure a design against, and where it is known exactly.
//!
//! | function | optimal for | source |
//! |---|---|---|
//! | [`single_device`] | P_s with one device | water-filling, derived there |
//! | [`scalar_power_control`] | P_s with one antenna everywhere | Cao, Zhu, Xu, Huang, doi 10.1109/TWC.2020.3012287; Liu, Zang, Li, Vucetic, arXiv 1909.00329 |
//! | [`equal_power`] | nothing: transmitters that know no channel | |
//! | [`truncated_inversion`] | nothing: inversion that gives up weak directions | Zhu, Wang, Huang, arXiv 1812.11494 |

mod equal_power;
mod scalar;
mod single_device;
mod truncated_inversion;

pub use equal_power::equal_power;
pub use scalar::scalar_power_control;
pub use single_device::{single_device, single_device_bound};
pub use truncated_inversion::truncated_inversion;
