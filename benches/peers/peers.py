"""Ours beside general solvers on the same instances; prints a Markdown table. Start it by run.sh.

Each peer solves `lambda_min` in the formulation that suits it best, at the loosest of its tolerances whose points our
certificate accepts at a relative gap of 1e-6. `set up` is what it does once per channel before its first iteration.
"""

import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time

import clarabel
import cvxpy
import numpy as np
import qics
import scipy.sparse as sparse
import scs

GAP = 1e-6
TOLERANCES = (1e-6, 1e-7, 1e-8, 1e-9, 1e-10)
REPEATS = 3
# A solve slower than this many seconds is not repeated.
SLOW = 0.6
# `trace_inverse` and `mmse` are run for reference up to this N.
REFERENCE_DEVICES = 8
ROOT2 = np.sqrt(2)


class Instance:
    def __init__(self, index, document):
        self.index, self.name = index, document["name"]
        self.channels = [np.array(h["re"]) + 1j * np.array(h["im"]) for h in document["channels"]]
        self.power = np.array(document["transmit_power"])
        self.noise = document["noise_power"]
        self.receive = self.channels[0].shape[0]
        self.sides = [h.shape[1] for h in self.channels]
        self.demand = [side / power for side, power in zip(self.sides, self.power)]


def basis(side):
    """An orthonormal basis of the Hermitian matrices under Re tr(A^H B)."""
    for b in range(side):
        for a in range(b, side):
            for value in [1.0] if a == b else [1 / ROOT2, 1j / ROOT2]:
                unit = np.zeros((side, side), complex)
                unit[a, b], unit[b, a] = value, np.conj(value)
                yield unit


def read(coordinates, side):
    return sum(value * unit for value, unit in zip(coordinates, basis(side)))


def blocks(coordinates, sides):
    starts = np.cumsum([0] + [side * side for side in sides])
    return [read(coordinates[start:], side) for start, side in zip(starts, sides)]


def write(matrix):
    """The coordinates of a Hermitian matrix in `basis`: SCS's own vector of its complex cone."""
    side = matrix.shape[0]
    vector = []
    for b in range(side):
        vector.append(matrix[b, b].real)
        below = ROOT2 * matrix[b + 1 :, b]
        vector.extend(np.column_stack([below.real, below.imag]).ravel())
    return np.array(vector)


def embed(matrix):
    """Clarabel's svec of the real embedding: upper triangle by columns, off the diagonal times the root of 2."""
    real = np.block([[matrix.real, -matrix.imag], [matrix.imag, matrix.real]])
    scaled = real * ROOT2
    np.fill_diagonal(scaled, np.diag(real))
    return scaled.T[np.tril_indices(real.shape[0])]


def unembed(vector, side):
    """The adjoint of `embed`."""
    real = np.zeros((2 * side, 2 * side))
    real.T[np.tril_indices(2 * side)] = vector / ROOT2
    real = real + real.T
    a, b, d = real[:side, :side], real[:side, side:], real[side:, side:]
    diagonal = np.diag(np.diag(a) + np.diag(d)) * (ROOT2 / 2 - 1)
    return a + d + diagonal + 1j * (b.T - b)


def dual_rows(instance, vector):
    """Columns of `A` for the dual form: variables U_n, cones I − Σ H_n U_n H_n^H, then U_n, each written by `vector`."""
    zeros = [np.zeros(len(vector(np.zeros((side, side), complex)))) for side in instance.sides]
    columns = []
    for n, channel in enumerate(instance.channels):
        for unit in basis(instance.sides[n]):
            own = [-vector(unit) if m == n else zero for m, zero in enumerate(zeros)]
            columns.append(np.concatenate([vector(channel @ unit @ channel.conj().T), *own]))
    rows = sparse.csc_matrix(np.array(columns).T)
    right = np.concatenate([vector(np.eye(instance.receive, dtype=complex)), *zeros])
    cost = -np.concatenate([[c * np.trace(unit).real for unit in basis(side)] for c, side in zip(instance.demand, instance.sides)])
    return rows, right, cost


def reduced(instance):
    """The instance in an orthonormal basis of the range of [H_1 … H_N], and that basis."""
    q, _ = np.linalg.qr(np.hstack(instance.channels))
    small = object.__new__(Instance)
    small.__dict__ = dict(instance.__dict__)
    small.channels = [q.conj().T @ channel for channel in instance.channels]
    small.receive = q.shape[1]
    return small, q


def clarabel_dual(instance, tolerance):
    start = time.perf_counter()
    small, q = reduced(instance)
    rows, right, cost = dual_rows(small, embed)
    cones = [clarabel.PSDTriangleConeT(2 * side) for side in [small.receive, *small.sides]]
    settings = clarabel.DefaultSettings()
    settings.verbose, settings.presolve_enable, settings.max_threads = False, False, 1
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = tolerance
    settings.direct_solve_method = "faer"
    solver = clarabel.DefaultSolver(sparse.csc_matrix((len(cost), len(cost))), cost, rows, right, cones, settings)
    middle = time.perf_counter()
    solution = solver.solve()
    end = time.perf_counter()
    x = unembed(np.array(solution.z)[: small.receive * (2 * small.receive + 1)], small.receive)
    return q @ x @ q.conj().T, blocks(np.array(solution.x), small.sides), middle - start, end - middle


def scs_primal(instance, tolerance):
    """Variables X, cones X and H_n^H X H_n − c_n I: slower to set up than the dual form, faster and more exact in its iterations."""
    start = time.perf_counter()
    small, q = reduced(instance)
    columns = [
        np.concatenate([-write(unit), *[-write(channel.conj().T @ unit @ channel) for channel in small.channels]])
        for unit in basis(small.receive)
    ]
    demands = [-c * write(np.eye(side, dtype=complex)) for c, side in zip(small.demand, small.sides)]
    data = {
        "A": sparse.csc_matrix(np.array(columns).T),
        "b": np.concatenate([np.zeros(small.receive**2), *demands]),
        "c": write(np.eye(small.receive, dtype=complex)),
    }
    options = {"verbose": False, "eps_abs": tolerance, "eps_rel": tolerance, "max_iters": 20000}
    solver = scs.SCS(data, {"cs": [small.receive, *small.sides]}, **options)
    middle = time.perf_counter()
    solution = solver.solve()
    end = time.perf_counter()
    u = blocks(solution["y"][small.receive**2 :], small.sides)
    return q @ read(solution["x"], small.receive) @ q.conj().T, u, middle - start, end - middle


def qics_dual(instance, tolerance):
    """Variables U_n, QICS's Hermitian cones; with its equation form of the primal side it takes as long and is less exact."""
    start = time.perf_counter()
    small, q = reduced(instance)
    rows, right, cost = dual_rows(small, lambda matrix: qics.vectorize.mat_to_vec(matrix.astype(complex)).ravel())
    cones = [qics.cones.PosSemidefinite(side, iscomplex=True) for side in [small.receive, *small.sides]]
    model = qics.Model(c=cost.reshape(-1, 1), G=rows.toarray(), h=right.reshape(-1, 1), cones=cones)
    solver = qics.Solver(model, verbose=0, tol_gap=tolerance, tol_feas=tolerance)
    middle = time.perf_counter()
    info = solver.solve()
    end = time.perf_counter()
    x = qics.vectorize.vec_to_mat(info["z_opt"].vec[: 2 * small.receive**2].reshape(-1, 1), iscomplex=True)
    return q @ x @ q.conj().T, blocks(info["x_opt"].ravel(), small.sides), middle - start, end - middle


def cvxpy_dual(instance, tolerance, relaxation="lambda_min", solver="CLARABEL"):
    """The dual forms over one set; X is the multiplier of Σ H_n U_n H_n^H ⪯ I (⪯ σ² I for `mmse`)."""
    small, q = reduced(instance)
    side = small.receive
    dual = [cvxpy.Variable((t, t), hermitian=True) for t in small.sides]
    received = sum(channel @ u @ channel.conj().T for channel, u in zip(small.channels, dual))
    level = small.noise if relaxation == "mmse" else 1.0
    shared = level * np.eye(side) - received >> 0
    constraints, gain = [shared], 0
    for t, u, c, budget in zip(small.sides, dual, small.demand, small.power):
        if relaxation == "lambda_min":
            constraints.append(u >> 0)
            gain += c * cvxpy.real(cvxpy.trace(u))
            continue
        v, s = cvxpy.Variable((t, t), hermitian=True), cvxpy.Variable()
        constraints.append(cvxpy.bmat([[u, v], [v, s * np.eye(t)]]) >> 0)
        gain += 2 * cvxpy.real(cvxpy.trace(v)) - budget * s
        if relaxation == "mmse":
            gain -= cvxpy.sum_squares(cvxpy.real(v)) + cvxpy.sum_squares(cvxpy.imag(v))
    problem = cvxpy.Problem(cvxpy.Maximize(gain), constraints)
    if solver == "CLARABEL":
        options = {"tol_gap_abs": tolerance, "tol_gap_rel": tolerance, "tol_feas": tolerance, "max_threads": 1}
    else:
        options = {"eps_abs": tolerance, "eps_rel": tolerance}
    start = time.perf_counter()
    problem.solve(solver=solver, **options)
    total = time.perf_counter() - start
    solve = problem.solver_stats.solve_time
    x = q @ shared.dual_value @ q.conj().T
    return x, [u.value for u in dual], total - solve, solve


LAMBDA_MIN = {
    "Clarabel, Python, dual": clarabel_dual,
    "SCS, complex cone, primal": scs_primal,
    "QICS, complex cone, dual": qics_dual,
    "CVXPY + Clarabel, dual": cvxpy_dual,
}


class Judge:
    """`peers certify`: one certificate for everybody."""

    def __init__(self, program, file):
        self.process = subprocess.Popen([program, "certify", file], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def gap(self, instance, relaxation, x, u):
        def parts(matrix):
            return {"re": matrix.real.tolist(), "im": matrix.imag.tolist()}

        points = {"instance": instance.index, "relaxation": relaxation, "x": parts(x), "u": [parts(m) for m in u]}
        print(json.dumps(points), file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline()).get("gap", np.inf)


def measure(judge, solve, instance, relaxation, first):
    """The loosest tolerance from `first` on that our certificate accepts, or the best there is; and the median time at it."""
    best = None
    for tolerance in TOLERANCES[first:]:
        try:
            x, u, setup, seconds = solve(instance, tolerance)
            gap = judge.gap(instance, relaxation, x, u)
        except (cvxpy.SolverError, TypeError, AttributeError):
            continue
        if best is None or gap < best[1]:
            best = (tolerance, gap, setup, seconds)
        if gap <= GAP:
            break
    if best is None:
        return None
    tolerance, gap, *times = best
    runs = [times] if sum(times) > SLOW else [solve(instance, tolerance)[2:] for _ in range(REPEATS)]
    setup, seconds = (statistics.median(column) for column in zip(*runs))
    return {"tolerance": tolerance, "gap": gap, "setup": setup, "seconds": seconds}


def python_rows(judge, instances):
    for name, solve in LAMBDA_MIN.items():
        solve(instances[0], 1e-6)  # just-in-time compilation, imports
        first = {}
        for instance in instances:
            row = measure(judge, solve, instance, "lambda_min", first.get(instance.name, 0))
            if row:
                first[instance.name] = TOLERANCES.index(row["tolerance"])
                yield {"solver": name, "relaxation": "lambda_min", "instance": instance.index, **row}
    for relaxation in ("trace_inverse", "mmse"):
        for instance in instances:
            if len(instance.channels) > REFERENCE_DEVICES:
                continue
            for solver in ("CLARABEL", "SCS"):
                def solve(instance, tolerance, solver=solver):
                    return cvxpy_dual(instance, tolerance, relaxation, solver)

                row = measure(judge, solve, instance, relaxation, 1)
                if row:
                    name = "Clarabel" if solver == "CLARABEL" else solver
                    yield {"solver": f"CVXPY + {name}, dual", "relaxation": relaxation, "instance": instance.index, **row}


def time_text(seconds):
    return f"{1e3 * seconds:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def table(rows, instances):
    names = list(dict.fromkeys(instance.name for instance in instances))
    for relaxation in ("lambda_min", "trace_inverse", "mmse"):
        ours, lines, wins = {}, [], []
        for solver in dict.fromkeys(row["solver"] for row in rows if row["relaxation"] == relaxation):
            cells = []
            for name in names:
                group = [row for row in rows if (row["solver"], row["relaxation"]) == (solver, relaxation)
                         and instances[row["instance"]].name == name]
                if not group:
                    cells.append("")
                    continue
                seconds = statistics.median(row["seconds"] for row in group)
                setup = statistics.median(row["setup"] for row in group)
                gap = max(row["gap"] for row in group)
                if solver == "ours":
                    ours[name] = seconds
                mark = "" if gap <= GAP else f", gap {gap:.0e}"
                if solver.startswith("ours"):
                    cells.append(time_text(seconds) + (mark if solver == "ours" else ""))
                    continue
                ratio = seconds / ours[name]
                cells.append(f"{time_text(seconds)} (**{ratio:.3g}×**), set up {time_text(setup)}{mark}")
                if ratio < 1:
                    wins.append(f"{solver} at {name}")
            lines.append(f"| {solver} | " + " | ".join(cells) + " |")
        print(f"\n`{relaxation}`, certified relative gap 1e-6\n")
        print("| | " + " | ".join(names) + " |\n|---|" + "---|" * len(names))
        print("\n".join(lines))
        print("\nA peer is faster: " + ("; ".join(wins) if wins else "nowhere") + ".")


def main():
    program, channels = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "instances.json")
        with open(file, "w") as output:
            subprocess.run([program, "instances", channels], stdout=output, check=True)
        with open(file) as source:
            instances = [Instance(i, document) for i, document in enumerate(json.load(source))]
        solved = subprocess.run([program, "solve", file], stdout=subprocess.PIPE, text=True, check=True)
        rows = [json.loads(line) for line in solved.stdout.splitlines()]
        rows.extend(python_rows(Judge(program, file), instances))
    model = platform.processor() or platform.machine()
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo") as source:
            model = next((line.split(":")[1].strip() for line in source if line.startswith("model name")), model)
    print(f"{datetime.date.today()}, {model}, one thread; medians over {channels} channels.")
    print("In brackets: the peer's iterations over all of ours. `set up`: what the peer does before them, for each channel.")
    table(rows, instances)


main()
