"""Who else comes in: shares, people's SSH keys, signing in with a browser."""

from __future__ import annotations

from bot.adapters.discord.invitations import DiscordInvitations
from bot.adapters.discord.members import Client, DiscordMembers
from bot.adapters.discord.oauth import DiscordIdentities
from bot.adapters.ssh.people import MachineKeyLists, check_public_key
from bot.app.parts import Outside, Shared
from bot.client import Bellhop
from bot.config import Settings
from bot.ports.sharing import Members
from bot.relay.hosts import bare
from bot.relay.signing_in import BACK_PATH
from bot.services.share_rounds import ShareRounds
from bot.services.sharing import Sharing
from bot.services.sign_in import SignIn
from bot.services.ssh import Ssh
from bot.services.ssh_rounds import KeyRounds
from cogs.ui import sharing as share_cards


def make_sharing(outside: Outside, shared: Shared) -> Sharing:
    return Sharing(
        store=outside.store,
        links=outside.links,
        clock=outside.clock,
        changed=shared.keys,
        wake=shared.sharing,
    )


def make_ssh(outside: Outside, shared: Shared, sharing: Sharing) -> Ssh:
    return Ssh(
        store=outside.store,
        sharing=sharing,
        check=check_public_key,
        clock=outside.clock,
        changed=shared.keys,
    )


def make_share_rounds(outside: Outside, shared: Shared, *, client: Bellhop) -> ShareRounds:
    return ShareRounds(
        sharing=client.services.sharing,
        store=outside.store,
        members=members_of(shared, client),
        invitations=DiscordInvitations(client=client, render=share_cards.letter),
        clock=outside.clock,
        wake=shared.sharing,
    )


def make_key_rounds(outside: Outside, shared: Shared, *, ssh: Ssh) -> KeyRounds:
    return KeyRounds(
        ssh=ssh,
        store=outside.store,
        tunnels=outside.tunnels,
        lists=MachineKeyLists(),
        clock=outside.clock,
        wake=shared.keys,
    )


def make_sign_in(settings: Settings, outside: Outside, members: Members) -> SignIn | None:
    """None where it is not set up."""
    if not settings.sign_in.on:
        return None
    return SignIn(
        identities=DiscordIdentities(
            client_id=settings.sign_in.client_id,
            client_secret=settings.sign_in.client_secret,
            back=bare(settings.relay_url) + BACK_PATH,
        ),
        members=members,
        links=outside.links,
        store=outside.store,
        clock=outside.clock,
    )


def members_of(shared: Shared, client: Client) -> DiscordMembers:
    return DiscordMembers(client=client, lead_role=lambda: shared.policies.lead_role)
