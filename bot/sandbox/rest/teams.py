"""Who is in a team. https://docs.github.com/rest/teams/members"""

from bot.sandbox.errors import not_accessible, not_found
from bot.sandbox.http import Call, Reply, Routes

routes = Routes()


@routes.add("GET", "/orgs/{org}/teams/{team_slug}/memberships/{username}")
def get_team_membership(call: Call) -> Reply:
    """For an installation on the organisation that may read its members."""
    world, principal = call.sandbox, call.principal
    organization = world.find_account(call.params["org"])
    if organization is None or organization.kind != "Organization":
        raise not_found()
    installation = principal.installation
    if installation is not None:
        if installation.account is not organization:
            raise not_found()
        if not principal.may("members:read"):
            raise not_accessible()
    elif principal.account is None:
        raise not_found()
    team = world.teams.get((organization.id, call.params["team_slug"]))
    account = world.find_account(call.params["username"])
    state = team.members.get(account.id) if team and account else None
    if team is None or account is None or state is None:
        raise not_found()
    url = f"{world.shapes.base}/organizations/{organization.id}/team/{team.id}"
    return Reply({"url": f"{url}/memberships/{account.login}", "role": "member", "state": state})
