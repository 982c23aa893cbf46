"""Rewards and points in files."""


def test_what_is_exported_is_imported_without_a_change(company, crm, tmp_path):
    for entity, rows in {"rewards": 1, "points": 3}.items():
        file = tmp_path / f"{entity}.csv"
        crm.ok("export", entity, file)
        again = crm.json("import", entity, file)
        assert (again["unchanged"], again["created"], again["updated"]) == (rows, 0, 0)


def test_an_import_corrects_creates_and_rejects(company, crm, tmp_path):
    file = tmp_path / "points.csv"
    file.write_text(
        "单号,客户编号,日期,积分,奖品编号\nR-1,C1,2025-11-05,500,\nR-9,C3,2026-03-01,-180,KETTLE\n"
        "R-10,C9,2026-03-01,5,\nR-11,C3,2026-03-01,-1,CAR\n",
        encoding="utf-8",
    )
    done = crm.json("import", "points", file)
    assert (done["updated"], done["created"], done["rejected"]) == (1, 1, 2)
    assert crm.json("loyalty", "show", "C1")["points"] == 320
