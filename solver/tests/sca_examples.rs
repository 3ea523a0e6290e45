//! The examples with known answers reach them; each returns an error where it does not.

#[path = "../examples/portfolio.rs"]
mod portfolio;
#[path = "../examples/two_timescale_beamforming.rs"]
mod two_timescale_beamforming;

#[test]
fn the_portfolio_is_that_of_the_closed_form() {
    portfolio::main().unwrap();
}

#[test]
fn long_term_powers_are_those_of_the_closed_form() {
    two_timescale_beamforming::main().unwrap();
}
