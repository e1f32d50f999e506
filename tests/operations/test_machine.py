"""The step machine: whatever happens it ends, gives the lock back, and does nothing twice."""

from dataclasses import replace
from datetime import timedelta

import operation_cases as cases
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bot.core.operations.machine import (
    ENDED,
    STEPS,
    Again,
    Already,
    Anew,
    Done,
    Failed,
    Kind,
    Operation,
    Result,
    State,
    StepName,
    StepState,
    attempt,
    fail,
    next_step,
    plan_operation,
    record,
)

SECOND = timedelta(seconds=1)
CLOSED = (StepState.DONE, StepState.FAILED, StepState.SKIPPED)
BAD_ENDINGS = sorted(ENDED - {State.SUCCEEDED})


class AnyHistory(RuleBasedStateMachine):
    """A worker that may be killed between any two lines, people who cancel, and a world that
    answers as it likes."""

    operation: Operation

    @initialize(kind=st.sampled_from(Kind))
    def begin(self, kind: Kind) -> None:
        self.operation = cases.operation(kind)
        self.now = cases.AT
        self.done: list[StepName] = []
        self.ending: State | None = None
        self.ended: Operation | None = None

    def tick(self) -> None:
        self.now += SECOND

    @precondition(lambda self: next_step(self.operation) is not None)
    @rule()
    def begin_step_and_die(self) -> None:
        step = next_step(self.operation)
        assert step is not None
        self.tick()
        self.operation = attempt(self.operation, step.name, self.now)

    @precondition(lambda self: next_step(self.operation) is not None)
    @rule(data=st.data())
    def take_step(self, data: st.DataObject) -> None:
        step = next_step(self.operation)
        assert step is not None
        assert step.name not in self.done
        self.tick()
        self.operation = attempt(self.operation, step.name, self.now)
        results: list[st.SearchStrategy[Result]] = [
            st.just(Done("done")),
            st.just(Again(SECOND, "not yet")),
            st.builds(Failed, st.just("it broke"), ending=st.sampled_from(BAD_ENDINGS)),
        ]
        if step.name is StepName.LOCK and StepName.GATES in self.done:
            results.append(st.just(Already("it is live")))
            results.append(st.just(Anew(StepName.GATES, self.operation.plan)))
        result = data.draw(st.one_of(results))
        self.tick()
        self.operation = record(self.operation, step.name, result, self.now)
        if isinstance(result, Done):
            self.done.append(step.name)
        if isinstance(result, Anew) and self.operation.ending is None:
            self.done.clear()
        if isinstance(result, Failed):
            self.ending = self.ending or result.ending
        if isinstance(result, Already):
            self.ending = self.ending or State.SUCCEEDED

    @rule(ending=st.sampled_from(BAD_ENDINGS))
    def stop_from_outside(self, ending: State) -> None:
        before = self.operation
        self.operation = fail(before, "somebody stopped it", "", ending)
        if not before.ended:
            self.ending = self.ending or ending

    @rule(name=st.sampled_from(StepName), late=st.sampled_from([Done(""), Failed("late")]))
    @precondition(lambda self: self.operation.ended)
    def hear_late_results(self, name: StepName, late: Done | Failed) -> None:
        assert record(self.operation, name, late, self.now + SECOND) == self.operation
        assert fail(self.operation, "late", "", State.FAILED) == self.operation

    @invariant()
    def the_steps_are_the_plan_s(self) -> None:
        assert tuple(step.name for step in self.operation.steps) == self.operation.plan.steps

    @invariant()
    def something_is_left_to_do_until_the_end(self) -> None:
        assert (next_step(self.operation) is None) is self.operation.ended

    @invariant()
    def an_end_is_the_first_one_that_was_headed_for(self) -> None:
        if self.operation.ended:
            assert self.operation.state is (self.ending or State.SUCCEEDED)
            assert all(step.state in CLOSED for step in self.operation.steps)

    @invariant()
    def an_end_never_changes(self) -> None:
        if self.ended is not None:
            assert self.operation == self.ended
        elif self.operation.ended:
            self.ended = self.operation

    @invariant()
    def a_lock_that_was_begun_is_given_back(self) -> None:
        lock = self.operation.step(StepName.LOCK)
        release = self.operation.step(StepName.RELEASE)
        if lock.started_at is not None:
            assert release.state is not StepState.SKIPPED
        elif self.operation.ended:
            assert release.state is StepState.SKIPPED

    @invariant()
    def a_deployment_that_was_opened_is_closed(self) -> None:
        if self.operation.step(StepName.ANNOUNCE).started_at is not None:
            assert self.operation.step(StepName.CONFIRM).state is not StepState.SKIPPED

    @invariant()
    def nothing_is_written_down_that_was_not_verified(self) -> None:
        if self.operation.step(StepName.RECORD).started_at is not None:
            assert self.operation.step(StepName.VERIFY).state is StepState.DONE

    @invariant()
    def once_stopped_production_is_not_touched_anew(self) -> None:
        if self.operation.ending is not None:
            step = next_step(self.operation)
            assert step is None or step.name in (StepName.CONFIRM, StepName.RELEASE)

    @invariant()
    def production_counts_as_changed_as_soon_as_the_host_may_have_been_asked(self) -> None:
        asked = self.operation.step(StepName.SWITCH).started_at is not None
        assert self.operation.production_may_have_changed is asked

    @invariant()
    def success_means_that_every_step_was_done(self) -> None:
        if self.operation.state is State.SUCCEEDED and not self.operation.was_needless:
            assert self.done == list(self.operation.plan.steps)


TestAnyHistory = AnyHistory.TestCase
TestAnyHistory.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


@pytest.mark.parametrize("kind", Kind)
def test_when_all_goes_well_every_step_is_done_once_and_in_order(kind: Kind) -> None:
    current, order = cases.operation(kind), []
    while (step := next_step(current)) is not None:
        order.append(step.name)
        current = attempt(current, step.name, cases.AT)
        current = record(current, step.name, Done(""), cases.AT + SECOND)
    assert tuple(order) == STEPS[kind]
    assert current.state is State.SUCCEEDED


def test_a_rollback_asks_no_gate() -> None:
    assert StepName.GATES in STEPS[Kind.PROMOTE]
    assert StepName.GATES not in STEPS[Kind.ROLLBACK]


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("name", StepName)
def test_a_failure_at_any_step_leads_to_its_end_with_the_lock_given_back(
    kind: Kind, name: StepName
) -> None:
    if name not in STEPS[kind]:
        return
    start = cases.operation(kind)
    index = STEPS[kind].index(name)
    before = cases.through(start, STEPS[kind][index - 1]) if index else start
    current = cases.then(before, name, Failed("it broke", "mend it"))
    assert (current.outcome, current.remedy) == ("it broke", "mend it")
    current = cases.out(current)
    assert current.state is State.FAILED
    locked = index >= STEPS[kind].index(StepName.LOCK)
    release = current.step(StepName.RELEASE).state
    if name is not StepName.RELEASE:
        assert release is (StepState.DONE if locked else StepState.SKIPPED)


def test_a_repeated_attempt_keeps_the_first_start_and_what_was_noted() -> None:
    current = attempt(cases.operation(), StepName.GATES, cases.AT)
    current = record(
        current, StepName.GATES, Again(SECOND, "waiting", {"seen": 1, "by": "x"}), cases.AT
    )
    assert current.state is State.WAITING
    current = attempt(current, StepName.GATES, cases.AT + SECOND)
    current = record(current, StepName.GATES, Done("pass", {"seen": 2}), cases.AT + 2 * SECOND)
    step = current.step(StepName.GATES)
    assert (step.started_at, step.ended_at) == (cases.AT, cases.AT + 2 * SECOND)
    assert step.detail == {"seen": 2, "by": "x"}
    assert current.state is State.RUNNING


def test_only_gates_make_an_operation_wait() -> None:
    current = cases.through(cases.operation(), StepName.SETTLE)
    current = cases.then(current, StepName.VERIFY, Again(SECOND, "not yet"))
    assert current.state is State.RUNNING


def test_a_failure_on_the_way_out_changes_neither_end_nor_outcome() -> None:
    current = cases.through(cases.operation(), StepName.ANNOUNCE)
    current = cases.then(current, StepName.SWITCH, Failed("no", "do so", State.REFUSED))
    current = cases.then(current, StepName.CONFIRM, Failed("GitHub is down"))
    current = cases.then(current, StepName.RELEASE, Failed("the store is down"))
    assert (current.state, current.outcome, current.remedy) == (State.REFUSED, "no", "do so")


def test_a_lock_whose_taking_was_not_recorded_is_given_back_however_often_it_is_stopped() -> None:
    current = cases.through(cases.operation(), StepName.GATES)
    current = attempt(current, StepName.LOCK, cases.AT)
    current = fail(current, "cancelled", "", State.CANCELLED)
    current = fail(current, "superseded", "", State.SUPERSEDED)
    step = next_step(current)
    assert step is not None
    assert step.name is StepName.RELEASE
    assert cases.out(current).state is State.CANCELLED


@pytest.mark.parametrize("stopped", [False, True])
def test_a_request_to_the_host_whose_answer_is_not_known_may_have_changed_production(
    stopped: bool,
) -> None:
    current = cases.through(cases.operation(), StepName.ANNOUNCE)
    current = attempt(current, StepName.SWITCH, cases.AT)
    if stopped:
        current = cases.out(fail(current, "given up", "", State.FAILED))
    assert current.production_may_have_changed


def test_a_request_that_the_host_turned_down_has_changed_nothing() -> None:
    current = cases.through(cases.operation(), StepName.ANNOUNCE)
    current = cases.then(current, StepName.SWITCH, Failed("answered 402", unchanged=True))
    assert not current.production_may_have_changed
    assert not cases.out(current).production_may_have_changed


def test_what_the_host_turns_down_again_and_again_has_changed_nothing_until_it_is_free() -> None:
    current = cases.through(cases.operation(), StepName.ANNOUNCE)
    assert current.step(StepName.SWITCH).untried
    for _ in range(2):
        busy = Again(SECOND, "answered 409", unchanged=True)
        current = cases.then(current, StepName.SWITCH, busy)
        assert current.step(StepName.SWITCH).untried
        assert not current.production_may_have_changed
    free = cases.then(current, StepName.SWITCH, Again(timedelta(0), "free"))
    for then in (free, attempt(free, StepName.SWITCH, cases.AT)):
        assert not then.step(StepName.SWITCH).untried
        assert then.production_may_have_changed
    done = cases.then(current, StepName.SWITCH, Done("somebody else asked for the same"))
    assert done.production_may_have_changed


def test_what_is_done_anew_begins_from_nothing_and_has_the_time_of_a_run() -> None:
    current = cases.then(
        cases.operation(), StepName.GATES, Done("4 of 4 gates pass", {"decision": {}})
    )
    current = cases.then(current, StepName.LOCK, Again(SECOND, "held", {"waited": True}))
    late = current.deadline - SECOND
    plan = replace(current.plan, replaces=None)
    anew = record(current, StepName.LOCK, Anew(StepName.GATES, plan), late)
    assert anew.steps == cases.operation().steps
    assert anew.plan == plan
    assert anew.deadline > current.deadline
    stopped = fail(current, "cancelled", "", State.CANCELLED)
    assert record(stopped, StepName.LOCK, Anew(StepName.GATES, plan), late) == stopped


def test_patience_puts_the_deadline_off_once_and_then_it_is_a_run_like_any_other() -> None:
    current = cases.through(cases.operation(), StepName.ANNOUNCE)
    before, day = current.deadline, timedelta(days=1)
    current = cases.then(current, StepName.SWITCH, Again(SECOND, "not yet"))
    assert current.deadline == before
    current = cases.then(current, StepName.SWITCH, Again(SECOND, "behind", patience=day))
    assert current.deadline - cases.AT >= day
    shortened = replace(current, deadline=cases.AT)
    again = cases.then(shortened, StepName.SWITCH, Again(SECOND, "behind", patience=day))
    assert again.deadline == cases.AT, "somebody cut it short"
    done = cases.then(current, StepName.SWITCH, Done("taken"))
    assert before < done.deadline < cases.AT + day


def test_what_is_so_already_ends_well_with_nothing_done() -> None:
    current = cases.through(cases.operation(), StepName.GATES)
    current = cases.out(cases.then(current, StepName.LOCK, Already("It is live.")))
    assert (current.state, current.outcome) == (State.SUCCEEDED, "It is live.")
    assert current.was_needless
    assert current.has(StepName.RELEASE, StepState.DONE)
    assert not current.production_may_have_changed
    assert not cases.through(cases.operation()).was_needless


def test_the_digest_is_of_the_plan_and_of_nothing_else() -> None:
    plan = cases.operation().plan
    assert plan.digest == replace(cases.operation(), id=8, when_ready=True).plan.digest
    assert len(plan.digest) == 12
    others = [
        replace(plan, kind=Kind.ROLLBACK),
        replace(plan, environment="staging"),
        replace(plan, target=replace(plan.target, domain="other.example.com")),
        replace(plan, build=replace(plan.build, deployment_id="dpl_x")),
        replace(plan, build=replace(plan.build, schema_hash="x")),
        replace(plan, replaces=None),
        replace(plan, steps=plan.steps[1:]),
    ]
    assert len({plan.digest, *(other.digest for other in others)}) == 1 + len(others)


def test_a_plan_of_a_rollback_has_the_rollback_s_steps() -> None:
    plan = plan_operation(Kind.ROLLBACK, "production", cases.TARGET, cases.OLD, cases.NEW)
    assert plan.steps == STEPS[Kind.ROLLBACK]
