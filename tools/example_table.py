"""Write the table of docs/examples/README.md: every kind of extension, and the line where an example shows it; cog calls this."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tools.workspace import ROOT

EXAMPLES = ROOT / "docs" / "examples"
CLUB = "loyalty_club/src/crmcore_loyalty_club"
GIFTS = "birthday_gifts/src/crmcore_birthday_gifts"
RULES = "local_rules/src/crmcore_local_rules"
ANALYTICS = "../../crmcore/builtin/analytics"


@dataclass(frozen=True, slots=True)
class Shown:
    """One row: a kind of extension in both languages, the file, and the text that stands in the line."""

    english: str
    chinese: str
    file: str
    text: str

    @property
    def line(self) -> int:
        """Number of the first line that holds the text; ValueError if none does."""
        lines = (EXAMPLES / self.file).read_text(encoding="utf-8").splitlines()
        found = [number for number, line in enumerate(lines, 1) if self.text in line]
        if not found:
            raise ValueError(f"docs/examples/{self.file} does not hold {self.text!r}")
        return found[0]


SHOWN = (
    Shown("side table", "附表", f"{CLUB}/tables.py", "class Entry("),
    Shown("relation between tables", "表间关联", f"{CLUB}/tables.py", 'sa.ForeignKey("loyalty_reward.id")'),
    Shown("tables made known", "登记表", f"{CLUB}/plugin.py", "def models("),
    Shown("migration", "迁移", f"{CLUB}/migrations/0001_club.py", "def upgrade("),
    Shown("card attributes", "资料卡字段", f"{CLUB}/card_fields.schema.json", '"loyalty_level"'),
    Shown(
        "personal card attribute", "个人信息字段", f"{GIFTS}/card_fields.schema.json", '"x-personal": true'
    ),
    Shown("personal column of a table", "表中的个人信息", f"{GIFTS}/plugin.py", 'personal=("note",)'),
    Shown("importable and exportable entity", "可导入导出的实体", f"{CLUB}/plugin.py", "def importables("),
    Shown("its loader", "导入", f"{CLUB}/files.py", "def load_entries("),
    Shown("its exporter", "导出", f"{CLUB}/files.py", "def export_entries("),
    Shown("fact provided", "提供事实", f"{CLUB}/plugin.py", "def facts("),
    Shown("fact used", "使用事实", f"{CLUB}/services.py", 'ctx.facts.select("purchases")'),
    Shown("list columns and filters", "列表的列与筛选", f"{CLUB}/plugin.py", "def list_columns("),
    Shown("their query", "列的查询", f"{CLUB}/balances.py", "def select_points("),
    Shown("search terms", "查找用词", f"{CLUB}/plugin.py", "def search_terms("),
    Shown("merging customers", "合并客户", f"{CLUB}/plugin.py", "def move_references("),
    Shown(
        "giving persons what is held of them", "向个人提供信息", f"{GIFTS}/plugin.py", "def export_persons("
    ),
    Shown("erasing persons", "抹除个人信息", f"{GIFTS}/plugin.py", "def erase_persons("),
    Shown("card section", "资料卡栏目", f"{CLUB}/plugin.py", "def card_sections("),
    Shown("holding orders back", "冻结订单", f"{RULES}/plugin.py", "def release_orders("),
    Shown("evidence for credit models", "为信用模型提供证据", f"{CLUB}/plugin.py", "def evidence("),
    Shown("validator", "校验", f"{GIFTS}/plugin.py", "def validate_changes("),
    Shown("kind of approval", "审批种类", f"{GIFTS}/plugin.py", "def approval_kinds("),
    Shown("rule that approves", "自动审批规则", f"{GIFTS}/plugin.py", "def approve_requests("),
    Shown("asking for approval", "申请审批", f"{GIFTS}/services.py", "request_approvals(tx"),
    Shown("what follows from an approval", "批准后执行", f"{GIFTS}/approving.py", "def give("),
    Shown("work items", "待办事项", f"{GIFTS}/plugin.py", "def work_items("),
    Shown("alerts", "提醒", f"{GIFTS}/plugin.py", "def alerts("),
    Shown("observing changes", "观察变更", f"{GIFTS}/plugin.py", "def observe_changes("),
    Shown("report", "报表", f"{CLUB}/plugin.py", "def reports("),
    Shown("form for paper", "打印表单", f"{GIFTS}/receipts.py", "yield Form("),
    Shown("job", "作业", f"{CLUB}/plugin.py", "def jobs("),
    Shown(
        "job that can be killed and run again",
        "可中断续跑的作业",
        f"{CLUB}/services.py",
        "def book_purchases(",
    ),
    Shown("command made known", "登记命令", f"{CLUB}/plugin.json", '"target"'),
    Shown("command", "命令", f"{CLUB}/cli.py", "def redeem_command("),
    Shown("published JSON of a command", "命令输出的 JSON", f"{CLUB}/schemas/standing.schema.json", '"$id"'),
    Shown("permission made known", "登记权限", f"{CLUB}/plugin.json", '"permissions"'),
    Shown("permission asked for", "检查权限", f"{CLUB}/services.py", "permission=REDEEM"),
    Shown("settings", "设置", f"{CLUB}/settings.schema.json", '"amount_per_point"'),
    Shown("setting used", "使用设置", f"{CLUB}/services.py", 'ctx.settings["amount_per_point"]'),
    Shown("setting that is a secret", "密钥设置", f"{RULES}/settings.schema.json", '"x-secret": true'),
    Shown("secret used", "使用密钥", f"{RULES}/rates.py", "ctx.secret("),
    Shown("texts", "文本", f"{CLUB}/cli.py", "translator("),
    Shown(
        "translations",
        "译文",
        f"{CLUB}/locale/zh_CN/LC_MESSAGES/crmcore_loyalty_club.po",
        'msgid "Points of members"',
    ),
    Shown("requiring another plugin", "依赖其他插件", f"{GIFTS}/plugin.json", '"requires"'),
    Shown("declaring a hook of its own", "声明自己的钩子", f"{CLUB}/api.py", "def points_rules("),
    Shown("naming where it is declared", "登记自己的钩子", f"{CLUB}/plugin.json", '"hookspecs"'),
    Shown("calling it", "调用自己的钩子", f"{CLUB}/services.py", 'call_hook(ctx, "points_rules"'),
    Shown("implementing it elsewhere", "在其他插件中实现", f"{GIFTS}/plugin.py", "def points_rules("),
    Shown("strategy: codes", "策略：代号", f"{RULES}/plugin.py", "def code_generator("),
    Shown("strategy: exchange rates", "策略：汇率", f"{RULES}/plugin.py", "def currency_rates("),
    Shown("strategy: working days", "策略：工作日", f"{RULES}/plugin.py", "def workdays("),
    Shown("strategy: service", "策略：服务政策", f"{RULES}/plugin.py", "def service_policies("),
    Shown(
        "strategy: engine (built in)",
        "策略：分析引擎（内置）",
        f"{ANALYTICS}/plugin.py",
        "def analytics_engine(",
    ),
    Shown("demo data", "演示数据", f"{CLUB}/plugin.py", "def demo_data("),
    Shown(
        "tests", "测试", "loyalty_club/tests/test_points.py", "def test_nobody_redeems_more_than_they_have("
    ),
)


def table(*, chinese: bool = False) -> str:
    """Return the table in one of the languages."""
    head = ("种类", "位置", "该行内容") if chinese else ("kind", "where", "what stands there")
    return "\n".join([f"| {' | '.join(head)} |", "| --- | --- | --- |", *_rows(chinese=chinese)])


def _rows(*, chinese: bool) -> Iterator[str]:
    for row in SHOWN:
        name = Path(row.file).name
        kind = row.chinese if chinese else row.english
        yield f"| {kind} | [{name}:{row.line}]({row.file}#L{row.line}) | `{row.text}` |"
