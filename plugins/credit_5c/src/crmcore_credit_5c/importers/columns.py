"""The columns of tables with evidence and financial statements, and other headers that they bear in real files."""

from __future__ import annotations

from crmcore.api import N_, Field, currency_code, translator

_ = translator("crmcore_credit_5c")
_MOST_MONTHS = 24
FIGURE_DECIMALS = 6


def _months(months: int) -> int:
    if not 1 <= months <= _MOST_MONTHS:
        raise ValueError(_("is no length of a period; write 1 to 24 months"))
    return months


CUSTOMER = Field(
    "customer",
    "code",
    required=True,
    headers=("客户编码", "客户代码", "客户代号", "客户编号", "客户号", "客户", "往来单位编码", "customer code",
             "customer id", "customer no", "customer number"),
    title=N_("Customer"),
    max_length=64,
)  # fmt: skip
SOURCE = Field(
    "source",
    required=True,
    headers=(
        "来源",
        "证据来源",
        "资料来源",
        "信息来源",
        "source of evidence",
        "evidence source",
        "who says so",
    ),
    title=N_("Source"),
    max_length=200,
)
_COMMON = (
    Field(
        "document",
        "code",
        headers=("文件编号", "证明文件", "凭证编号", "资料编号", "document no", "document number", "paper"),
        title=N_("Document"),
        max_length=64,
    ),
    Field(
        "expires",
        "date",
        headers=("有效期至", "有效期", "失效日期", "到期日", "到期日期", "截止有效期", "valid until", "expires on",
                 "expiry", "expiry date"),
        title=N_("Until"),
    ),
    Field(
        "by",
        headers=("录入人", "调查人", "经办人", "登记人", "entered by", "added by", "investigator", "who"),
        title=N_("Entered by"),
        max_length=64,
    ),
)  # fmt: skip

EVIDENCE = (
    CUSTOMER,
    Field(
        "indicator",
        required=True,
        headers=("指标", "指标名称", "评价指标", "信用指标", "indicator name", "question"),
        title=N_("Indicator"),
        max_length=64,
    ),
    Field(
        "value",
        required=True,
        headers=("值", "指标值", "数值", "取值", "结果", "评价", "answer", "finding"),
        title=N_("Value"),
        max_length=200,
    ),
    SOURCE,
    Field(
        "at",
        "date",
        required=True,
        headers=(
            "日期",
            "证据日期",
            "调查日期",
            "取得日期",
            "基准日",
            "date",
            "evidence date",
            "as of",
            "on",
        ),
        title=N_("Of"),
    ),
    *_COMMON,
)


def _figure(name: str, title: str, *headers: str) -> Field:
    return Field(name, "amount", headers=headers, title=title)


FIGURES = (
    _figure("current_assets", N_("Current assets"), "流动资产", "流动资产合计", "total current assets"),
    _figure(
        "current_liabilities", N_("Current liabilities"), "流动负债", "流动负债合计", "total current liabilities"
    ),
    _figure("stock", N_("Stock"), "存货", "库存", "inventory", "inventories"),
    _figure("total_assets", N_("Total assets"), "资产总计", "总资产", "资产合计", "资产总额", "assets"),
    _figure(
        "total_liabilities", N_("Total liabilities"), "负债合计", "总负债", "负债总计", "负债总额", "liabilities"
    ),
    _figure(
        "equity", N_("Equity"), "净资产", "所有者权益", "所有者权益合计", "股东权益", "股东权益合计", "net assets",
        "total equity", "shareholders equity",
    ),
    _figure("retained_earnings", N_("Retained earnings"), "留存收益", "未分配利润", "retained profit"),
    _figure("ebit", N_("Earnings before interest and tax"), "息税前利润", "operating profit"),
    _figure("interest", N_("Interest paid"), "利息费用", "利息支出", "interest expense"),
    _figure("sales", N_("Sales"), "营业收入", "主营业务收入", "销售收入", "销售额", "revenue", "turnover"),
    _figure(
        "cost_of_sales", N_("Cost of sales"), "营业成本", "主营业务成本", "销售成本", "cogs", "cost of goods sold"
    ),
    _figure("receivables", N_("Receivables"), "应收账款", "应收帐款", "trade receivables", "accounts receivable"),
    _figure(
        "market_value_equity", N_("Market value of the equity"), "股权市值", "总市值", "市值", "market value",
        "market capitalisation", "market capitalization",
    ),
)  # fmt: skip

STATEMENTS = (
    CUSTOMER,
    Field(
        "period",
        "date",
        required=True,
        headers=("期末", "期末日期", "报表日期", "报表期末", "会计期末", "截止日期", "period end", "end of period",
                 "balance sheet date", "date"),
        title=N_("End of the period"),
    ),
    Field(
        "months",
        "integer",
        headers=("月数", "期间月数", "报表月数", "length in months"),
        title=N_("Months"),
        accept=_months,
    ),
    Field(
        "currency",
        headers=("币别", "币种", "货币", "currency code"),
        title=N_("Currency"),
        max_length=16,
        accept=currency_code,
    ),
    *FIGURES,
    SOURCE,
    *_COMMON,
)  # fmt: skip
