"""What ``lockgate explain`` prints: the decision on a pull request, and what would be written."""

from collections.abc import Sequence

from bot.core.decision import Decision, GateResult
from bot.core.model import PullRequest
from bot.core.render.escape import plain
from bot.core.render.words import by_message, headline, marked_result, next_step, stopped, unstopped

_WIDTH = 300


def render_explanation(decision: Decision, pull: PullRequest, effects: Sequence[str] = ()) -> str:
    """Lines for a terminal; the last is the result.

    ``effects`` says what the bot would write on GitHub now, a plain line each.
    """
    lines = [
        f"{pull.ref}  {plain(pull.title, 120)}",
        (
            f"{pull.head_sha[:7]} into {plain(pull.base_ref, 100)}, "
            f"{'a draft' if pull.draft else pull.state.value}"
        ),
        "",
    ]
    width = max((len(result.gate) for result in decision.results), default=0)
    for result in decision.results:
        lines += [*_gate(result, width), ""]
    lines.append("The bot would write:" if effects else "The bot would write nothing.")
    lines += [f"  {plain(effect, _WIDTH)}" for effect in effects]
    lines += ["", *_outcome(decision)]
    return "\n".join(lines)


def _gate(result: GateResult, width: int) -> list[str]:
    lines = [
        (
            f"{marked_result(result)}  {result.gate:<{width}}  "
            f"{plain(unstopped(result.summary), _WIDTH)}"
        )
    ]
    for group in by_message(result.findings):
        place = group[0].location
        where = f":{place.line}:{place.column}" if place else ""
        lines.append(f"    {plain(group[0].subject, 80)}{where}  {plain(group[0].quote, 120)}")
        for finding in group:
            lines.append(
                f"      {plain(finding.rule, 60)}: {plain(unstopped(finding.message), _WIDTH)}"
            )
        paste = next((finding.suggestion for finding in group if finding.suggestion), "")
        if paste:
            lines.append(f"      instead: {plain(paste, _WIDTH)}")
    if result.reason:
        lines.append(f"    why: {plain(result.reason, 1_000)}")
    policy = result.evidence.get("policy")
    if isinstance(policy, str) and policy:
        lines.append(f"    rules: {plain(policy, _WIDTH)}")
    return lines


def _outcome(decision: Decision) -> list[str]:
    sentence, _ = headline(decision)
    lines = [stopped(plain(sentence, _WIDTH))]
    step = next_step(decision.results)
    if step:
        lines[0] += f" Next: {stopped(plain(step.remedy, _WIDTH))}"
    return lines
