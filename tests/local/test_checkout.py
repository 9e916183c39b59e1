"""Where local data lie, who may read them, and how they are deleted."""

import os
import stat
from pathlib import Path

import pytest

from alliance.local import checkout as module
from alliance.local.accounts import Account, service_account
from alliance.local.checkout import Checkout, hand_over
from alliance.local.problems import Problem

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has another account for the servers")


def test_secrets_are_made_once_and_only_their_owner_can_read_them(folder):
    first = Checkout(folder).secret("SECRET_KEY")
    assert len(first) == 64
    assert Checkout(folder).secret("METRICS_TOKEN") != first
    assert Checkout(folder).secret("SECRET_KEY") == first
    assert stat.S_IMODE((folder / ".local/secrets.json").stat().st_mode) == 0o600


def test_logs_and_state_are_private(folder):
    checkout = Checkout(folder)
    checkout.prepare()
    assert stat.S_IMODE(checkout.logs.stat().st_mode) == 0o700
    assert stat.S_IMODE(checkout.state.stat().st_mode) == (0o711 if os.geteuid() == 0 else 0o700)


@as_root
def test_servers_of_a_private_checkout_live_elsewhere_and_no_folder_is_opened(tmp_path):
    private = tmp_path / "home"
    private.mkdir(mode=0o700)
    checkout = Checkout(private)
    try:
        assert checkout.service_home == checkout.fallback
        assert stat.S_IMODE(checkout.fallback.stat().st_mode) == 0o755
        assert checkout.secret("SECRET_KEY")
        assert (private / ".local/secrets.json").exists()
        assert stat.S_IMODE(private.stat().st_mode) == 0o700
    finally:
        removed = checkout.delete()
    assert removed == [checkout.state, checkout.fallback]
    assert not checkout.fallback.exists()


@as_root
def test_a_folder_that_somebody_else_has_laid_in_the_way_is_not_used(tmp_path, monkeypatch):
    private = tmp_path / "home"
    private.mkdir(mode=0o700)
    trap = tmp_path / "trap"
    trap.mkdir()
    os.chown(trap, service_account().uid, -1)
    monkeypatch.setattr(module.Checkout, "fallback", property(lambda _self: trap))
    with pytest.raises(Problem, match="only root may write to: remove it"):
        _ = Checkout(private).service_home
    assert trap.exists()


def test_two_checkouts_never_share_a_fallback(tmp_path):
    assert Checkout(tmp_path / "a").fallback != Checkout(tmp_path / "b").fallback
    assert Checkout(tmp_path / "a").fallback == Checkout(tmp_path / "a").fallback


@as_root
def test_files_of_root_are_handed_to_the_web_server_but_links_are_not_followed(folder):
    account = service_account()
    outside = folder / "outside"
    outside.write_text("root's own")
    files = folder / "files"
    (files / "mail").mkdir(parents=True)
    (files / "mail" / "letter").write_text("")
    (files / "link").symlink_to(outside)
    (files / "second name").hardlink_to(outside)
    hand_over(files, account)
    assert {path.name for path in files.rglob("*") if path.lstat().st_uid == account.uid} == {"mail", "letter"}
    assert outside.stat().st_uid == 0
    hand_over(files, account)


@as_root
def test_data_made_by_an_ordinary_user_stays_with_that_user(folder):
    checkout = Checkout(folder)
    checkout.prepare()
    data = checkout.state / "postgres"
    data.mkdir()
    os.chown(data, 12345, 12345)
    assert Checkout(folder).account == Account("12345", 12345, 12345)


def test_a_damaged_notebook_is_an_empty_one(folder):
    checkout = Checkout(folder)
    checkout.prepare()
    (checkout.state / "ports.json").write_text("[1, 2")
    assert checkout.recall("ports.json", "postgres") is None
    checkout.remember("ports.json", postgres=5433)
    checkout.remember("ports.json", valkey=6380)
    assert (checkout.recall("ports.json", "postgres"), checkout.recall("ports.json", "valkey")) == (5433, 6380)


def test_deleting_leaves_what_a_link_points_to(folder):
    precious = folder / "precious"
    precious.mkdir()
    (folder / ".local").symlink_to(precious)
    assert Checkout(folder).delete() == []
    assert precious.is_dir()
    assert isinstance(Checkout(folder).fallback, Path)
