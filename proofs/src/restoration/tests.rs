use crate::arithmetic::{dot, length, minus};
use crate::one_equality::OneEquality;
use crate::subproblem_bound::dual_bound;
use crate::{config, tolerance};
use proptest::prelude::*;
use solver::sca::subproblem::{Candidate, Goal, Subproblem};
use solver::sca::{
    Evaluation, Function, IterationRecord, Polyhedron, Rng, ScaError, ScaOptions, StochasticProgram,
    StochasticSca, Surrogate,
};
use solver::strategies::{number, power_of_two};
use std::convert::Infallible;

/// Affine constraints at a centre of a set, whatever the objective.
#[derive(Debug, Clone)]
pub(super) struct Constraints {
    pub set: Polyhedron,
    pub center: Vec<f64>,
    pub objective: Surrogate,
    pub functions: Vec<Surrogate>,
}

impl StochasticProgram for Constraints {
    type Sample = ();
    type Error = Infallible;
    fn feasible_set(&self) -> &Polyhedron {
        &self.set
    }
    fn stochastic_constraints(&self) -> usize {
        self.functions.len()
    }
    fn sample(&self, _: &mut dyn Rng) -> Result<(), Infallible> {
        Ok(())
    }
    fn evaluate(&self, _: &[f64], (): &()) -> Result<Evaluation, Infallible> {
        let of = |f: &Surrogate| Function { value: f.value, gradient: f.gradient.clone() };
        Ok(Evaluation {
            objective: of(&self.objective),
            constraints: self.functions.iter().map(of).collect(),
        })
    }
}

impl Constraints {
    pub(super) fn worst(&self, point: &[f64]) -> f64 {
        let displacement = minus(point, &self.center);
        self.functions.iter().map(|f| f.at(&displacement).unwrap()).fold(f64::NEG_INFINITY, f64::max)
    }

    /// The first step of a run, which goes all the way to `x̂`.
    pub(super) fn step(&self) -> Result<(Vec<f64>, IterationRecord), ScaError<Infallible>> {
        let options = ScaOptions::new(0).with_iterations(1).unwrap();
        let options = options.with_objective_curvature(self.objective.curvature).unwrap();
        let mut report = StochasticSca::new(self, options).run(&self.center)?;
        Ok((report.point, report.history.remove(0)))
    }

    /// 2, where the least violation is known, with the nearest point that has it and what a unit of violation is worth in squared distance.
    fn check(&self, least: f64, nearest: &[f64], worth: f64) -> Result<(), TestCaseError> {
        let (found, record) = self.step()?;
        let points = self.center.iter().chain(nearest).chain(self.set.lower()).chain(self.set.upper());
        let reach = length(&self.objective.gradient) / (2.0 * self.objective.curvature);
        let size = points.map(|x| x.abs()).fold(reach, f64::max);
        let magnitude = |f: &Surrogate| f.value.abs().max(length(&f.gradient) * size);
        let magnitude = self.functions.iter().map(magnitude).fold(0.0, f64::max);
        let within = 1e-6 * magnitude;
        let restored = record.restored;
        prop_assert!(
            restored.is_some_and(|found| (found - least).abs() <= within),
            "{restored:?}, least violation {least}"
        );
        let missed = self.worst(&found) - least;
        prop_assert!(
            missed <= within,
            "a violation of {} at {found:?}, but {least} is enough",
            least + missed
        );
        prop_assert!(self.set.contains(&found), "{found:?}");
        // As in `subproblem_bound`: of points that miss by so much some are nearer by so much.
        let off = length(&minus(&found, nearest));
        let distance = length(&minus(nearest, &self.center));
        let within = 1e-3 * distance.max(0.01 * size)
            + (worth * missed.max(0.0)).sqrt()
            + tolerance(found.len(), size);
        prop_assert!(off <= within, "{found:?} is off {nearest:?} by {off}, at most {within}");
        Ok(())
    }
}

/// A box in units of a length, with a centre and another point in it.
#[derive(Debug, Clone)]
struct Room {
    set: Polyhedron,
    center: Vec<f64>,
    other: Vec<f64>,
    gradient: Vec<f64>,
    objective: Surrogate,
    length: f64,
    value: f64,
}

fn rooms(exponent: i32) -> impl Strategy<Value = Room> {
    let room = (0..=8_u8).prop_map(f64::from);
    let variable = [
        number().boxed(),
        number().boxed(),
        room.clone().boxed(),
        room.boxed(),
        number().boxed(),
        number().boxed(),
    ];
    let variables = prop::collection::vec(variable, 1..=4);
    (variables, power_of_two(exponent), power_of_two(exponent)).prop_map(|(variables, length, value)| {
        let slope = value / length;
        let column = |f: &dyn Fn(&[f64; 6]) -> f64| variables.iter().map(f).collect::<Vec<f64>>();
        let lower = column(&|[center, other, room, ..]| (center.min(*other) - room) * length);
        let upper = column(&|[center, other, _, room, ..]| (center.max(*other) + room) * length);
        Room {
            set: Polyhedron::builder(variables.len()).bounds(lower, upper).build().expect("a box"),
            center: column(&|v| v[0] * length),
            other: column(&|v| v[1] * length),
            gradient: column(&|v| v[4] * slope),
            objective: Surrogate {
                value: 0.0,
                gradient: column(&|v| v[5] * slope),
                curvature: slope / length,
            },
            length,
            value,
        }
    })
}

impl Room {
    fn constraints(&self, functions: Vec<Surrogate>) -> Constraints {
        let (set, center, objective) = (self.set.clone(), self.center.clone(), self.objective.clone());
        Constraints { set, center, objective, functions }
    }

    fn flat(&self, value: f64) -> Surrogate {
        Surrogate { value, gradient: vec![0.0; self.center.len()], curvature: 0.0 }
    }

    /// Two constraints that are both least, `level`, where `g^T x` is what it is at the other point, and one that is the same everywhere.
    fn between(&self, level: f64, steepness: f64, flat: f64) -> Constraints {
        let reach = dot(&self.gradient, &minus(&self.other, &self.center));
        let up = Surrogate { value: level - reach, gradient: self.gradient.clone(), curvature: 0.0 };
        let down = Surrogate {
            value: level + steepness * reach,
            gradient: self.gradient.iter().map(|g| -steepness * g).collect(),
            curvature: 0.0,
        };
        self.constraints(vec![up, down, self.flat(flat * level)])
    }

    fn check_between(&self, level: f64, steepness: f64, flat: f64) -> Result<(), TestCaseError> {
        let level = level * self.value;
        let plane = OneEquality {
            center: self.center.clone(),
            gradient: vec![0.0; self.center.len()],
            curvature: 1.0,
            lower: self.set.lower().to_vec(),
            upper: self.set.upper().to_vec(),
            coefficients: self.gradient.clone(),
        };
        let (nearest, multiplier) = plane.optimum(dot(&self.gradient, &self.other));
        // A violation above the least is `g^T d` off by as much, over the steepness on one side.
        let worth = multiplier.abs() * 1.0_f64.max(1.0 / steepness);
        self.between(level, steepness, flat).check(level, &nearest, worth)
    }

    /// One constraint, least on a face of the box.
    fn check_face(&self, level: f64) -> Result<(), TestCaseError> {
        let bounds = self.set.lower().iter().zip(self.set.upper());
        let towards = self.gradient.iter().zip(bounds).zip(&self.center);
        let nearest: Vec<f64> = towards
            .map(|((g, (l, u)), x)| {
                if *g > 0.0 {
                    *l
                } else if *g < 0.0 {
                    *u
                } else {
                    *x
                }
            })
            .collect();
        let level = level * self.value;
        let displacement = minus(&nearest, &self.center);
        let value = level - dot(&self.gradient, &displacement);
        let function = Surrogate { value, gradient: self.gradient.clone(), curvature: 0.0 };
        // The farther a variable is to go, the more distance a violation saves.
        let slopes = displacement.iter().zip(&self.gradient).filter(|(_, g)| **g != 0.0);
        let worth = slopes.map(|(d, g)| 2.0 * (d / g).abs()).fold(0.0, f64::max);
        self.constraints(vec![function]).check(level, &nearest, worth)
    }
}

fn levels() -> impl Strategy<Value = f64> {
    (1..=64_u8).prop_map(|quarters| f64::from(quarters) / 4.0)
}

fn parts() -> impl Strategy<Value = f64> {
    prop_oneof![Just(-1.0), Just(0.5), Just(1.0)]
}

proptest! {
    #![proptest_config(config())]

    /// 1, at any multipliers, weight and point.
    #[test]
    fn no_point_violates_less(
        room in rooms(6), level in levels(), steepness in power_of_two(3), weights in prop::collection::vec(0..=8_u8, 3),
        weight in power_of_two(20), part in 0..=16_u8,
    ) {
        let constraints = room.between(level * room.value, steepness, 0.5);
        let proximity = Surrogate { value: 0.0, gradient: vec![0.0; room.center.len()], curvature: weight * room.value / room.length.powi(2) };
        let subproblem = Subproblem {
            feasible_set: &room.set, center: &room.center, objective: &proximity, constraints: &constraints.functions,
            goal: Goal::LeastViolation,
        };
        let sum: f64 = weights.iter().map(|w| f64::from(*w)).sum();
        let multipliers = Candidate {
            point: room.center.clone(),
            constraint_multipliers: weights.iter().map(|w| f64::from(*w) / sum.max(1.0)).collect(),
            equality_multipliers: vec![],
            inequality_multipliers: vec![],
        };
        let bound = dual_bound(&subproblem, &multipliers);
        let part = f64::from(part) / 16.0;
        let point: Vec<f64> = room.set.lower().iter().zip(&room.other).map(|(l, x)| l + part * (x - l)).collect();
        let displacement = minus(&point, &room.center);
        let value = constraints.worst(&point).max(0.0) + proximity.at(&displacement).unwrap();
        let rounding = bound.rounding + tolerance(point.len(), value + constraints.functions.iter().map(|f| f.value.abs()).sum::<f64>());
        prop_assert!(value >= bound.value - rounding, "{value}, bound {bound:?}");
    }

    /// 2, on a plane between two constraints, cut by bounds; where one unit suits all.
    #[test]
    fn goes_to_the_nearest_of_a_plane(room in rooms(0), level in levels(), steepness in power_of_two(3), flat in parts()) {
        room.check_between(level, steepness, flat)?;
    }

    /// 2, on a face.
    #[test]
    fn goes_to_the_nearest_of_a_face(room in rooms(0), level in levels()) {
        room.check_face(level)?;
    }

    /// 2, in units up to six digits from each other.
    #[test]
    fn goes_to_the_nearest_of_a_plane_in_any_units(
        room in rooms(20), level in levels(), steepness in power_of_two(3), flat in parts(),
    ) {
        room.check_between(level, steepness, flat)?;
    }

    #[test]
    fn goes_to_the_nearest_of_a_face_in_any_units(room in rooms(20), level in levels()) {
        room.check_face(level)?;
    }

    /// 2: `x^τ` itself where it has the least violation.
    #[test]
    fn stays_where_nothing_is_better(room in rooms(6), level in levels(), steepness in power_of_two(3)) {
        let room = Room { other: room.center.clone(), ..room };
        room.check_between(level, steepness, 1.0)?;
    }
}
