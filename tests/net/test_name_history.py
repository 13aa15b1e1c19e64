"""Which addresses belong to a name: names that move, and names whose answers rotate."""

from __future__ import annotations

from ipaddress import ip_address

from wgmon_tui.net.name_history import KEPT_S, REMEMBERED_S, NameHistory

A, B, C, D, E = (ip_address(f"192.0.2.{number}") for number in range(1, 6))


def history_of(*answers: tuple[object, ...], every_s: float = 30.0) -> NameHistory:
    history = NameHistory("fra1.example.net")
    for number, answer in enumerate(answers):
        history.add(answer, number * every_s)  # type: ignore[arg-type]
    return history


def test_a_name_with_one_answer_has_its_addresses() -> None:
    assert history_of((A, B)).addresses(0.0) == (A, B)


def test_a_name_with_another_answer_has_moved() -> None:
    history = history_of((A,), (B,))
    assert history.addresses(30.0) == (B,)
    assert history.moved_from((A,), 30.0) == ((A,), (B,))


def test_an_address_more_or_fewer_is_no_move() -> None:
    assert history_of((A,), (A, B)).moved_from((A,), 30.0) == ((), ())
    assert history_of((A, B), (B,)).moved_from((A, B), 30.0) == ((), ())


def test_an_address_that_the_name_lost_is_not_its_own() -> None:
    assert history_of((A, B), (B,)).addresses(30.0) == (B,)


def test_an_address_that_comes_back_shows_a_name_that_rotates() -> None:
    history = history_of((A,), (B,), (A,))
    assert history.addresses(60.0) == (A, B)
    assert history.moved_from((B,), 60.0) == ((), ())


def test_a_name_that_rotates_moves_from_no_answer_to_the_next() -> None:
    history = history_of((A, B), (C, D), (B, C), (E, A))
    assert history.moved_from((B, C, D, A), 90.0) == ((), ())
    assert set(history.addresses(90.0)) == {A, B, C, D, E}


def test_a_name_that_rotates_loses_an_address_ten_minutes_after_its_last_answer() -> None:
    history = history_of((A,), (B,), (A,))
    history.add((A,), 30.0 + KEPT_S)
    assert history.addresses(29.0 + KEPT_S) == (A, B)
    assert history.addresses(30.0 + KEPT_S) == (A,)


def test_an_address_that_comes_back_after_an_hour_is_another_move() -> None:
    history = history_of((A,), (B,))
    history.add((B,), 60.0)
    history.add((A,), 60.0 + REMEMBERED_S)
    assert history.moved_from((B,), 60.0 + REMEMBERED_S) == ((B,), (A,))


def test_a_name_that_moves_a_third_time_within_an_hour_rotates() -> None:
    history, moves = NameHistory("pool.example.net"), []
    for number, address in enumerate((A, B, C, D)):
        before = history.addresses(number * 30.0)
        history.add((address,), number * 30.0)
        moves.append(history.moved_from(before, number * 30.0))
    assert moves == [((), ()), ((A,), (B,)), ((B,), (C,)), ((), ())]
