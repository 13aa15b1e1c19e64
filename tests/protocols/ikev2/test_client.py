"""The client without I/O: what it does where packets are lost, repeated, late, foreign or damaged."""

from __future__ import annotations

import os
from dataclasses import replace
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.parameters import examples
from tests.protocols.ikev2.conversations import (
    PROPOSAL,
    SECRET,
    Conversation,
    by_secret,
    converse,
)
from wgmon_tui.lab.ikev2.responder import LabIkeResponder, LabIkeSetup
from wgmon_tui.protocols.ikev2.events import (
    CookieAsked,
    Established,
    GroupAsked,
    IkeSessionEnded,
    MessageDropped,
    Redirected,
    RequestRefused,
    RequestUnanswered,
    SaInitAnswered,
    ServerFault,
    ServerProven,
    ServerRejected,
)
from wgmon_tui.protocols.ikev2.iana_numbers import ExchangeType, Notify
from wgmon_tui.protocols.ikev2.proposals import parse_proposal
from wgmon_tui.protocols.ikev2.wire import (
    NON_ESP_MARKER,
    RESPONSE,
    IkeHeader,
    NotifyPayload,
    encode_message,
    parse_message,
)


def kinds(conversation: Conversation) -> list[type]:
    return [type(each) for each in conversation.events]


def find(conversation: Conversation, kind: type) -> object:
    return next((each for each in conversation.events if isinstance(each, kind)), None)


def test_a_session_is_established_and_ended() -> None:
    talk = converse(by_secret())
    talk.run()
    assert kinds(talk) == [SaInitAnswered, ServerProven, Established]
    talk.end()
    assert kinds(talk)[-1] is IkeSessionEnded
    assert talk.events[-1].is_confirmed  # type: ignore[union-attr]
    assert not talk.responder.sessions


def test_the_first_message_goes_without_marker_and_the_others_with_it() -> None:
    talk = converse(by_secret())
    talk.run()
    assert [each.startswith(NON_ESP_MARKER) for each in talk.sent] == [False, True]


def test_a_cookie_is_returned() -> None:
    setup = LabIkeSetup("gate.test", SECRET, proposals=(parse_proposal(PROPOSAL),), demands_cookie=True)
    talk = converse(by_secret(), setup)
    talk.run()
    assert kinds(talk) == [CookieAsked, SaInitAnswered, ServerProven, Established]


def test_the_group_that_the_server_asks_for_is_used() -> None:
    setup = LabIkeSetup("gate.test", SECRET, proposals=(parse_proposal("aes128gcm16-prfsha256-ecp384"),))
    talk = converse(by_secret(proposal="aes128gcm16-prfsha256-curve25519-ecp384"), setup)
    talk.run()
    assert kinds(talk) == [GroupAsked, SaInitAnswered, ServerProven, Established]


def test_a_group_that_was_not_offered_ends_the_exchange() -> None:
    talk = converse(by_secret())
    (first,) = [data for data, _ in talk.outgoing()]
    talk.receive(_plain_answer(first, NotifyPayload(Notify.INVALID_KE_PAYLOAD, b"\x00\x05")))
    assert kinds(talk) == [RequestRefused]


def test_no_proposal_chosen_is_told() -> None:
    setup = LabIkeSetup("gate.test", SECRET, proposals=(parse_proposal("aes256-sha512-ecp256"),))
    talk = converse(by_secret(), setup)
    talk.run()
    refused = find(talk, RequestRefused)
    assert isinstance(refused, RequestRefused)
    assert refused.notify == Notify.NO_PROPOSAL_CHOSEN


def _plain_answer(request: bytes, *notifications: NotifyPayload) -> bytes:
    header = parse_message(request).header
    answer = IkeHeader(header.initiator_spi, bytes(8), 0, header.exchange, RESPONSE, header.message_id)
    return encode_message(answer, [each.to_payload() for each in notifications])


def test_a_redirection_names_the_gateway() -> None:
    talk = converse(by_secret())
    (first,) = [data for data, _ in talk.outgoing()]
    nonce = next(each.body for each in parse_message(first).payloads if each.kind == 40)
    talk.receive(_plain_answer(first, NotifyPayload(Notify.REDIRECT, b"\x03\x09gate.test" + nonce)))
    assert talk.events == [Redirected(0.0, "gate.test")]


def test_a_server_that_has_proved_itself_may_redirect_and_its_session_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    redirect = NotifyPayload(Notify.REDIRECT, b"\x03\x0agate2.test").to_payload()
    monkeypatch.setattr(LabIkeResponder, "_make_child", lambda *_: (redirect,))
    talk = converse(by_secret(with_child=True))

    proven, redirected = talk.run()[-2:]

    assert isinstance(proven, ServerProven)
    assert redirected == Redirected(redirected.at, "gate2.test")
    ended = talk.end()[-1]
    assert isinstance(ended, IkeSessionEnded)
    assert ended.is_confirmed


def test_a_redirection_for_another_request_is_dropped() -> None:
    talk = converse(by_secret())
    (first,) = [data for data, _ in talk.outgoing()]
    talk.receive(_plain_answer(first, NotifyPayload(Notify.REDIRECT, b"\x03\x09evil.test" + bytes(32))))
    assert kinds(talk) == [MessageDropped]
    talk.receive(talk.answer(first) or b"")
    assert SaInitAnswered in kinds(talk)


def test_a_wrong_secret_is_refused_and_leaves_nothing_to_end() -> None:
    talk = converse(by_secret(b"wrong"))
    talk.run()
    assert kinds(talk) == [SaInitAnswered, RequestRefused]
    sent = len(talk.sent)
    talk.end()
    assert len(talk.sent) == sent
    assert talk.client.is_done


def test_a_server_that_does_not_know_the_secret_is_rejected_and_the_session_ended() -> None:
    """The responder accepts the client's proof, and gives one of another secret."""
    talk = converse(by_secret(), LabIkeSetup("gate.test", b"another", proposals=(parse_proposal(PROPOSAL),)))
    talk.responder._is_proven = lambda *_: True  # type: ignore[method-assign]
    talk.run()
    rejected = find(talk, ServerRejected)
    assert isinstance(rejected, ServerRejected)
    assert rejected.fault is ServerFault.BAD_SECRET
    assert Established not in kinds(talk)
    talk.end()
    assert not talk.responder.sessions


def test_a_server_with_another_identity_is_rejected() -> None:
    talk = converse(by_secret(remote_id="other.test"))
    talk.run()
    rejected = find(talk, ServerRejected)
    assert isinstance(rejected, ServerRejected)
    assert (rejected.fault, rejected.detail) == (ServerFault.WRONG_IDENTITY, "gate.test")


def test_a_lost_request_is_sent_again() -> None:
    lost = count()
    talk = converse(by_secret())
    talk.run(forth=lambda data: [] if next(lost) == 0 else [data])
    opened = find(talk, SaInitAnswered)
    assert isinstance(opened, SaInitAnswered)
    assert opened.retransmits == 1
    assert talk.sent[0] == talk.sent[1]
    assert Established in kinds(talk)


def test_the_round_trip_begins_when_the_datagram_leaves() -> None:
    """Key generation comes before, and takes milliseconds."""
    talk = converse(by_secret())
    (first,) = [data for data, _ in talk.outgoing()]
    talk.client.note_sent(0.25)
    talk.now = 0.3
    talk.receive(talk.answer(first) or b"")
    opened = find(talk, SaInitAnswered)
    assert isinstance(opened, SaInitAnswered)
    assert opened.rtt == pytest.approx(0.05)


@pytest.mark.parametrize("exchange", [ExchangeType.IKE_SA_INIT, ExchangeType.IKE_AUTH])
def test_silence_ends_at_the_deadline(exchange: ExchangeType) -> None:
    talk = converse(by_secret())
    talk.run(back=lambda data: [data] if data[18] == 34 and exchange == ExchangeType.IKE_AUTH else [])
    unanswered = find(talk, RequestUnanswered)
    assert isinstance(unanswered, RequestUnanswered)
    assert unanswered.exchange == exchange
    assert unanswered.waited == 2.0


def test_repeated_answers_change_nothing() -> None:
    talk = converse(by_secret())
    talk.run(back=lambda data: [data, data])
    assert [each for each in kinds(talk) if each is not MessageDropped] == [
        SaInitAnswered,
        ServerProven,
        Established,
    ]


def _last_exchange(talk: Conversation) -> int:
    return parse_message(talk.sent[-1].removeprefix(NON_ESP_MARKER)).header.exchange


def test_a_session_that_may_be_up_is_deleted() -> None:
    """The answer to IKE_AUTH was lost, so the server may have the session."""
    talk = converse(by_secret())
    talk.run(back=lambda data: [] if data.startswith(NON_ESP_MARKER) else [data])
    talk.end()
    assert _last_exchange(talk) == ExchangeType.INFORMATIONAL
    assert talk.client.is_done
    assert not talk.responder.sessions


def test_a_session_is_deleted_if_the_check_ends_while_the_answer_is_on_its_way() -> None:
    talk = converse(by_secret())
    (opening,) = (talk.answer(data) for data, _ in list(talk.outgoing()))
    assert opening is not None
    talk.receive(opening)
    assert [talk.answer(data) is not None for data, _ in list(talk.outgoing())] == [True]
    assert talk.responder.sessions
    talk.end()
    assert _last_exchange(talk) == ExchangeType.INFORMATIONAL
    assert not talk.responder.sessions


def test_a_session_that_is_half_open_is_dropped_by_a_request_without_a_proof() -> None:
    talk = converse(replace(by_secret(), authentication=None))
    talk.run()
    assert kinds(talk) == [SaInitAnswered]
    talk.end()
    assert _last_exchange(talk) == ExchangeType.IKE_AUTH
    assert talk.client.is_done


def test_a_script_that_never_began_has_nothing_to_end() -> None:
    talk = converse(by_secret())
    list(talk.outgoing())
    talk.client.end(0.0)
    assert list(talk.outgoing()) == []
    assert talk.client.is_done


def test_a_request_of_the_server_is_answered_and_its_deletion_ends_the_session() -> None:
    from wgmon_tui.protocols.ikev2.sealed_messages import seal_message
    from wgmon_tui.protocols.ikev2.wire import delete_ike_sa

    talk = converse(by_secret())
    talk.run()
    (session,) = talk.responder.sessions.values()
    nonces = session.nonces
    header = IkeHeader(nonces.initiator_spi, nonces.responder_spi, 0, ExchangeType.INFORMATIONAL, 0, 0)
    talk.receive(NON_ESP_MARKER + seal_message(header, (delete_ike_sa(),), session.sending))
    assert talk.client.is_done
    assert [each.by_server for each in talk.events if isinstance(each, IkeSessionEnded)] == [True]
    (answer,) = [data for data, _ in talk.outgoing()]
    assert parse_message(answer.removeprefix(NON_ESP_MARKER)).header.is_response


CHANGES = st.sampled_from(("keep", "lose", "repeat", "truncate", "flip", "foreign", "swap", "late"))


@settings(examples(60), suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(CHANGES, min_size=1, max_size=12), st.randoms(use_true_random=False), st.booleans())
def test_nothing_on_the_path_makes_it_raise_or_believe(changes, random, knows_secret) -> None:  # type: ignore[no-untyped-def]
    """Whatever happens to packets, the client ends, and is established only with the server that knows."""
    talk = converse(by_secret() if knows_secret else by_secret(b"wrong"))
    plan = iter(changes)
    held: list[bytes] = []

    def disturb(data: bytes) -> list[bytes]:
        before, held[:] = list(held), []
        match next(plan, "keep"):
            case "lose":
                return before
            case "repeat":
                return [data, data, *before]
            case "truncate":
                return [data[: random.randrange(len(data))], *before]
            case "flip":
                at = random.randrange(len(data))
                return [data[:at] + bytes((data[at] ^ 1 << random.randrange(8),)) + data[at + 1 :], *before]
            case "foreign":
                return [os.urandom(random.randrange(1, 200)), data, *before]
            case "swap":
                held.append(data)
                return before
            case "late":
                talk.now += 0.6
                return [data, *before]
        return [data, *before]

    talk.run(forth=disturb, back=disturb)
    assert talk.client.next_at is None
    assert kinds(talk).count(Established) <= knows_secret
    assert (ServerProven in kinds(talk)) <= knows_secret
    talk.end()
    assert talk.client.is_done


@given(st.binary(max_size=300))
def test_random_bytes_are_dropped(data: bytes) -> None:
    talk = converse(by_secret())
    list(talk.outgoing())
    talk.receive(data)
    assert set(kinds(talk)) <= {MessageDropped}
    assert talk.client.is_waiting
