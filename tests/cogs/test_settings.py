"""`/settings` as leads and members see it, in SimCord's Discord."""

from __future__ import annotations

from datetime import timedelta

import discord
import pytest
from simcord.components import walk_components

from bot.client import Bellhop, Services
from bot.domain.letters import Kind, Writing
from bot.domain.policy_keys import IDLE, IMAGES, KEYS, ZONE
from bot.domain.rentals import Reason, Rental
from bot.services.policy import Policies
from tests.cogs.conftest import Chat, text


async def test_a_lead_sees_every_value_and_where_it_comes_from(chat: Chat) -> None:
    """In groups; the defaults, which have no mark, until somebody sets one."""
    await Policies(store=chat.store).change(None, {"idle": "45m"})

    shown = text((await chat.lead.slash(chat.channel, "settings")).response)

    assert "Idle time: **45 min**\n-# set for the team" in shown
    assert "Time to answer: **1 h**\nEnd without an answer: **yes**" in shown
    assert all(f"{key.title}: **" in shown for key in KEYS.values())
    assert "**Idle and questions**" in shown
    assert "by the shell: idle default → **45 min**" in shown


async def test_a_lead_changes_a_value_in_a_form(chat: Chat) -> None:
    """The page then shows it, with who changed it; the watch goes by it at once."""
    page = await chat.lead.slash(chat.channel, "settings")
    form = await chat.lead.select(page.response, ["idle"], custom_id="bellhop:keys:team:0")

    await chat.lead.submit_modal(form, {"value": "1h30"})

    assert "Idle time: **1 h 30 min**\n-# set for the team" in text(page.response)
    assert f"by <@{chat.lead.id}>: idle default → **1 h 30 min**" in text(page.response)
    rental = await chat.ready()
    assert (await Policies(store=chat.store).idle(rental)).idle == timedelta(minutes=90)


async def test_a_long_list_of_images_can_be_written_and_changed(chat: Chat) -> None:
    """What holds stands in the form, which must have room for it; Discord refuses it else."""
    images = [f"pytorch/pytorch:2.{number}.0-cuda12.4-cudnn9-runtime" for number in range(9)]
    await Policies(store=chat.store).change(None, {"images": ", ".join(images)})
    page = await chat.lead.slash(chat.channel, "settings")
    (menu,) = [
        part["custom_id"]
        for part in walk_components(page.response.components)
        if any(option["value"] == "images" for option in part.get("options") or ())
    ]

    form = await chat.lead.select(page.response, ["images"], custom_id=menu)
    (field,) = [part for part in walk_components(form.modal["components"]) if "max_length" in part]
    await chat.lead.submit_modal(form, {"value": ", ".join([*images, "plain"])})

    assert len(field["value"]) <= field["max_length"]
    assert len(await Policies(store=chat.store).value(IMAGES)) == 10


async def test_an_empty_form_takes_a_value_away(chat: Chat) -> None:
    """What holds then is said in the form."""
    await Policies(store=chat.store).change(None, {"idle": "45m"})
    page = await chat.lead.slash(chat.channel, "settings")
    form = await chat.lead.select(page.response, ["idle"], custom_id="bellhop:keys:team:0")

    await chat.lead.submit_modal(form, {"value": ""})

    assert "Idle time: **1 h**\nTime to answer:" in text(page.response)
    assert await chat.store.policy() == {}


async def test_a_wrong_value_changes_nothing_and_says_what_would_be_right(chat: Chat) -> None:
    """With the bounds, and an example."""
    page = await chat.lead.slash(chat.channel, "settings")
    form = await chat.lead.select(page.response, ["idle"], custom_id="bellhop:keys:team:0")

    answer = await chat.lead.submit_modal(form, {"value": "9h"})

    said = text((answer.followups or [answer.response])[0])
    assert "idle must be between 30 min and 4 h, e.g. idle=45m." in said
    assert await chat.store.policy() == {}


async def test_a_member_reads_and_is_told_to_ask_a_lead(chat: Chat) -> None:
    """No menu; a forged press changes nothing either."""
    page = await chat.ada.slash(chat.channel, "settings")

    assert "Ask a lead to change these" in text(page.response)
    assert "Change a value" not in text(page.response)
    cog = chat.env.bot.get_cog("Settings")
    assert cog is not None
    with pytest.raises(Exception, match="may not set"):
        await cog._policies.change(  # type: ignore[attr-defined]
            _ada(chat), {"idle": "45m"}
        )
    assert await chat.store.policy() == {}


async def test_a_member_sets_what_is_theirs(chat: Chat) -> None:
    """Their own idle time, and no other value."""
    page = await chat.ada.slash(chat.channel, "settings")
    await chat.ada.click(page.response, label="Your own settings")
    shown = text(page.response)
    assert "Time to answer" not in shown

    form = await chat.ada.select(page.response, ["idle"])
    await chat.ada.submit_modal(form, {"value": "2h"})

    assert "Idle time: **2 h**\n-# yours" in text(page.response)
    assert await chat.store.policy() == {f"member/{chat.ada.id}/idle": "120"}


async def test_a_zone_is_set_by_its_city_and_tomorrow_goes_by_it(chat: Chat) -> None:
    """Without opening any page."""
    answer = await chat.ada.slash(chat.channel, "settings", zone="Tokyo")

    assert "Time zone: **Asia/Tokyo**\n-# yours" in text(answer.response)
    rental = await chat.ready()
    assert str((await Policies(store=chat.store).rules(rental)).zone) == "Asia/Tokyo"


async def test_an_offset_leads_to_a_menu_of_zones(chat: Chat) -> None:
    """An offset is no zone; those that have it now are offered."""
    asked = await chat.ada.slash(chat.channel, "settings", zone="+05:30")
    assert "Which time zone?" in text(asked.response)

    await chat.ada.select(asked.response, ["Asia/Kolkata"])

    assert "Time zone: **Asia/Kolkata**\n-# yours" in text(asked.response)


async def test_a_zone_that_is_none_is_refused(chat: Chat) -> None:
    """With an example."""
    answer = await chat.ada.slash(chat.channel, "settings", zone="Atlantis")

    assert "zone must be the name of a time zone" in text(answer.response)


async def test_zones_complete_as_one_types(chat: Chat) -> None:
    """By city and by offset, with the offset as it is now."""
    by_city = await chat.ada.autocomplete(chat.channel, "settings", "zone", "berl")
    by_offset = await chat.ada.autocomplete(chat.channel, "settings", "zone", "+02:00")

    assert [one["value"] for one in by_city] == ["Europe/Berlin"]
    assert [one["name"] for one in by_city] == ["Europe/Berlin · UTC+01:00 now"]
    assert "Europe/Helsinki" in [one["value"] for one in by_offset]


async def test_at_first_use_it_is_asked_who_is_a_lead(chat: Chat) -> None:
    """Until then it is whoever may manage the server; kept so, it is not asked again."""
    page = await chat.lead.slash(chat.channel, "settings")
    assert "Who is a lead?" in text(page.response)

    await chat.lead.click(page.response, label="Keep Manage Server")

    assert "Who is a lead?" not in text(page.response)
    assert await chat.store.policy() == {"leads": "null"}
    assert "Leads are those with the Manage Server permission." in text(page.response)


async def test_a_role_makes_leads_and_takes_it_from_others(chat: Chat) -> None:
    """Its members are leads. Who manages the server may still say who is: nobody is locked out."""
    crew = chat.guild.create_role("Crew")
    cat = chat.guild.add_member(chat.env.create_user("cat", global_name="Cat"), roles=[crew])
    page = await chat.lead.slash(chat.channel, "settings")

    await chat.lead.select(page.response, [crew], custom_id="bellhop:setrole:leads")

    assert f"Leads are those with the role <@&{crew.id}>." in text(page.response)
    seen = await cat.slash(chat.channel, "status", member=chat.ada)
    assert "nothing running" in text(seen.response)
    refused = await chat.lead.slash(chat.channel, "status", member=chat.ada)
    assert "Only leads see other people's machines" in text(refused.response)
    again = await chat.lead.slash(chat.channel, "settings")
    assert "Change a value" in _placeholders(again.response)


async def test_in_a_strangers_server_nobody_becomes_a_lead(chat: Chat) -> None:
    """Whoever invites us into a server of theirs manages that, and not our team."""
    crew = chat.guild.create_role("Crew")
    policies = chat.env.bot.services.policies  # type: ignore[attr-defined]
    await policies.change(None, {"leads": str(crew.id)})
    other = chat.env.create_guild("Elsewhere")
    boss = other.create_role("Boss", permissions=discord.Permissions(manage_guild=True))
    stranger = other.add_member(chat.env.create_user("eve", global_name="Eve"), roles=[boss])

    page = await stranger.slash(other.create_text_channel("gpus"), "settings")

    assert "Ask a lead to change these" in text(page.response)
    assert "Change a value" not in _placeholders(page.response)


async def test_a_deleted_role_falls_back_to_manage_server(chat: Chat) -> None:
    """And the page says so."""
    crew = chat.guild.create_role("Crew")
    policies = chat.env.bot.services.policies  # type: ignore[attr-defined]
    await policies.change(None, {"leads": str(crew.id)})
    refused = await chat.lead.slash(chat.channel, "status", member=chat.ada)
    assert "Only leads" in text(refused.response)

    real = chat.env.bot.get_guild(chat.guild.id)
    assert real is not None
    real._remove_role(crew.id)

    seen = await chat.lead.slash(chat.channel, "status", member=chat.ada)
    page = await chat.lead.slash(chat.channel, "settings")
    assert "nothing running" in text(seen.response)
    assert "The leads' role was deleted." in text(page.response)


async def test_menus_and_buttons_work_after_a_restart(chat: Chat, services: Services) -> None:
    """What they are about is in their ids."""
    page = await chat.lead.slash(chat.channel, "settings")
    await _restart(chat, services)

    await chat.lead.select(page.response, ["unattended"], custom_id="bellhop:keys:team:0")
    await _restart(chat, services)
    await chat.lead.select(page.response, ["no"])
    await _restart(chat, services)
    await chat.lead.select(page.response, ["fastai"], custom_id="bellhop:settings-presets")
    shown = text(page.response)
    await chat.lead.click(page.response, label="Back")

    assert "Settings for fastai" in shown
    assert "End without an answer: **no**\n-# set for the team" in shown
    assert await chat.store.policy() == {"unattended": "false"}


async def test_a_lead_sets_values_of_a_preset_and_of_a_member(chat: Chat) -> None:
    """Each on a page of its own."""
    page = await chat.lead.slash(chat.channel, "settings")
    await chat.lead.select(page.response, ["plain"], custom_id="bellhop:settings-presets")
    form = await chat.lead.select(page.response, ["answer"])
    await chat.lead.submit_modal(form, {"value": "2h"})
    await chat.lead.click(page.response, label="Back")
    await chat.lead.select(page.response, [chat.ada], custom_id="bellhop:settings-members")
    assert f"Settings of <@{chat.ada.id}>" in text(page.response)
    form = await chat.lead.select(page.response, ["lease"])
    await chat.lead.submit_modal(form, {"value": "2 days"})

    assert await chat.store.policy() == {
        "preset/plain/answer": "120",
        f"member/{chat.ada.id}/lease": "2880",
    }


async def test_a_channel_for_the_leads_gets_their_letters(chat: Chat) -> None:
    """One that is closed to us is refused at once: later would be when a letter is due."""
    closed = chat.guild.create_text_channel(
        "closed", overwrites={chat.guild.me: discord.PermissionOverwrite(send_messages=False)}
    )
    leads = chat.guild.create_text_channel("leads-only")
    rental = await chat.ready(name="fastbook")
    page = await chat.lead.slash(chat.channel, "settings")
    await chat.lead.select(page.response, ["leads_channel"], custom_id="bellhop:keys:team:0")

    refused = await chat.lead.select(page.response, [closed])
    await chat.lead.select(page.response, [leads])
    await _write(chat, rental, Kind.SAVE_FAILED_LEADS)

    said = text((refused.followups or [refused.response])[0])
    assert "I may not write in that channel." in said
    assert f"Leads' channel: **<#{leads.id}>**" in text(page.response)
    assert "fastbook could not be archived" in text(leads.history()[-1])
    assert len(chat.cards) == 1


async def test_a_leads_channel_that_is_gone_leads_back_to_the_rentals(chat: Chat) -> None:
    """What the leads must know is said somewhere."""
    await Policies(store=chat.store).change(None, {"leads_channel": "123456789012345678"})
    rental = await chat.ready(name="fastbook")

    await _write(chat, rental, Kind.SAVE_FAILED_LEADS)

    assert "fastbook could not be archived" in text(chat.cards[-1])


async def test_messages_go_where_their_reader_wants_them(chat: Chat) -> None:
    """To the channel; or, with none, what nobody has to act on is not sent at all."""
    rental = await chat.ready(name="fastbook")
    mine = f"member/{chat.ada.id}/notices"
    policies = Policies(store=chat.store)

    await policies.change(None, {mine: "channel"})
    await _write(chat, rental, Kind.SAVE_FAILED)
    in_channel = text(chat.cards[-1])
    await policies.change(None, {mine: "none"})
    await _write(chat, rental, Kind.SEEN)
    chat.clock.turn(timedelta(minutes=1))
    await _write(chat, rental, Kind.SAVE_FAILED)

    assert f"<@{chat.ada.id}>" in in_channel
    assert "fastbook could not be archived" in in_channel
    (direct,) = chat.ada.user.dm_channel.history()
    assert "fastbook could not be archived" in text(direct)
    assert len(chat.cards) == 2


async def test_an_image_that_the_team_does_not_allow_is_not_rented(chat: Chat) -> None:
    """The first of those allowed is the default."""
    await Policies(store=chat.store).change(None, {"images": "fastai, plain"})

    refused = await chat.ada.slash(chat.channel, "rent", image="pytorch")
    rental = await chat.rented()

    assert "The team does not allow this image." in text(refused.response)
    assert rental.image.name == "fastai"


def test_every_value_of_the_register_fits_discords_menus() -> None:
    """Labels and descriptions within 100 characters, forms within 45."""
    for key in KEYS.values():
        assert len(key.title) <= 45, key.name
        assert len(key.about) <= 100, key.name
    assert IDLE.own
    assert ZONE.own


def _ada(chat: Chat) -> object:
    from bot.domain.access import Actor

    return Actor(id=chat.ada.id, guild_id=chat.guild.id, name="Ada")


async def _write(chat: Chat, rental: Rental, kind: Kind) -> None:
    await chat.store.write_letter(rental.id, Writing(kind=kind, at=chat.clock.now()))
    await chat.write()


def _placeholders(message: object) -> str:
    from simcord.components import walk_components

    found = [part.get("placeholder") for part in walk_components(message.components)]  # type: ignore[attr-defined]
    return " ".join(str(one) for one in found if one)


async def _restart(chat: Chat, services: Services) -> None:
    old = chat.env.bot
    await chat.env.restart_bot(Bellhop(services=services))
    await old.close()


async def test_who_asked_for_an_archive_is_told_of_it_whatever_they_get_else(chat: Chat) -> None:
    """`/save` promises a message, and keeps that promise."""
    rental = await chat.ready(name="fastbook")
    await Policies(store=chat.store).change(None, {f"member/{chat.ada.id}/notices": "none"})

    promised = text((await chat.ada.slash(chat.channel, "save")).response)
    await chat.write()
    chat.clock.turn(timedelta(minutes=1))
    await chat.change(rental.id, proven_at=chat.clock.now(), archive_id="a1", save_asked_at=None)
    await chat.write()

    assert "You get a message when the archive is proven" in promised
    (direct,) = chat.ada.user.dm_channel.history()
    assert "fastbook is saved" in text(direct)


async def test_a_move_that_failed_says_why_and_what_became_of_the_old_machine(chat: Chat) -> None:
    """To its owner, directly."""
    rental = await chat.ready(name="fastbook")
    await chat.change(rental.id, reason=Reason.NOT_MOVED, detail="log.txt kept changing.")

    await _write(chat, rental, Kind.NOT_MOVED)

    (direct,) = chat.ada.user.dm_channel.history()
    assert "fastbook was not moved" in text(direct)
    assert "log.txt kept changing. " in text(direct) or "log.txt kept changing.\n" in text(direct)
    assert "Nothing was ended because of it." in text(direct)


async def test_a_form_comes_though_the_database_does_not_answer(
    chat: Chat, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Discord takes a form as the first answer only, within three seconds."""
    await Policies(store=chat.store).change(None, {"idle": "45m"})
    page = await chat.lead.slash(chat.channel, "settings")

    async def never() -> None:
        raise AssertionError("something was read before the form was sent")

    with monkeypatch.context() as away:
        away.setattr(services.policies, "values", never)
        away.setattr(services.interactions, "take_interaction", never)
        form = await chat.lead.select(page.response, ["idle"], custom_id="bellhop:keys:team:0")
    await chat.lead.submit_modal(form, {"value": "2h"})

    assert "Idle time: **2 h**" in text(page.response)


async def test_the_values_of_archives_have_a_menu_of_their_own(chat: Chat) -> None:
    """Discord takes 25 options; a group is never torn apart."""
    page = await chat.lead.slash(chat.channel, "settings")
    form = await chat.lead.select(page.response, ["save_size"], custom_id="bellhop:keys:team:1")

    await chat.lead.submit_modal(form, {"value": "40 GB"})

    assert "Archive unasked: **40 GB**\n-# set for the team" in text(page.response)
    assert await chat.store.policy() == {"save_size": "40000000000"}


async def test_a_page_on_which_everything_is_set_still_fits(chat: Chat) -> None:
    """4000 characters of text, with the longest values and the last changes."""
    wishes = {key.name: key.example for key in KEYS.values() if key.name != "leads"}
    wishes["images"] = ", ".join(f"registry/some/long-name-of-an-image:{one}" for one in range(8))
    await Policies(store=chat.store).change(None, wishes)

    page = text((await chat.lead.slash(chat.channel, "settings")).response)

    assert all(f"{key.title}: **" in page for key in KEYS.values())
    assert "Last changes" in page
