"""The columns of the ledger's files, and the headers they bear in exports of Kingdee, Yonyou, Odoo and others."""

from __future__ import annotations

from crmcore.api import N_, Field

_NUMBER = (
    "单据编号",
    "单据号",
    "单据号码",
    "单号",
    "凭证号",
    "document no",
    "document number",
    "doc no",
    "number",
    "no.",
)
_DATE = ("日期", "单据日期", "业务日期", "交易日期", "posting date", "document date", "transaction date")

CUSTOMER = Field(
    "customer",
    "code",
    required=True,
    headers=(
        "客户编码", "客户代码", "客户代号", "客户编号", "客户号", "客户", "往来单位编码", "往来单位", "购货单位编码",
        "购货单位", "购货单位代码", "customer code", "customer id", "customer no", "customer number", "cust code",
        "partner reference", "partner/reference", "party", "customer_id",
    ),
    title=N_("Customer"),
    max_length=64,
)  # fmt: skip
DOCUMENT = Field(
    "document", "code", required=True, headers=_NUMBER, title=N_("Document number"), max_length=64
)
DATE = Field("date", "date", required=True, headers=_DATE, title=N_("Date"))
LINE = Field(
    "line",
    "integer",
    headers=("行号", "分录号", "分录行号", "明细行号", "line no", "line number", "item no", "row no"),
    title=N_("Line"),
)
DUE = Field(
    "due",
    "date",
    headers=("到期日", "到期日期", "收款到期日", "付款到期日", "应收日期", "due date", "payment due date"),
    title=N_("Due on"),
)
BILL_TO = Field(
    "bill_to",
    "code",
    headers=(
        "开票客户",
        "开票单位",
        "结算客户",
        "结算单位",
        "付款客户",
        "bill to",
        "invoice to",
        "billing customer",
    ),
    title=N_("Billed to"),
    max_length=64,
)
SHIP_TO = Field(
    "ship_to",
    "code",
    headers=("收货客户", "收货单位", "收货方", "送货客户", "ship to", "deliver to", "shipping customer"),
    title=N_("Delivered to"),
    max_length=64,
)
CURRENCY = Field(
    "currency",
    headers=("币别", "币种", "货币", "原币币别", "结算币别", "currency code", "transaction currency"),
    title=N_("Currency"),
    max_length=16,
)
PRODUCT = Field(
    "product",
    "code",
    headers=(
        "物料编码", "物料代码", "物料", "料号", "产品编码", "产品代码", "产品编号", "产品", "商品编码", "商品编号",
        "商品", "存货编码", "存货", "货号", "sku", "item code", "item", "product code", "internal reference",
        "default code", "product/internal reference", "material", "material number",
    ),
    title=N_("Product"),
    max_length=64,
)  # fmt: skip
QUANTITY = Field(
    "quantity",
    "decimal",
    headers=(
        "数量", "销售数量", "订单数量", "实发数量", "开票数量", "退货数量", "发货数量", "qty", "ordered qty",
        "quantity ordered", "delivered qty", "invoiced qty",
    ),
    title=N_("Quantity"),
)  # fmt: skip
UNIT = Field(
    "unit",
    headers=("单位", "计量单位", "销售单位", "库存单位", "基本单位", "uom", "unit of measure"),
    title=N_("Unit"),
    max_length=16,
)
PRICE = Field(
    "price",
    "amount",
    headers=("单价", "未税单价", "无税单价", "不含税单价", "unit price", "net price"),
    title=N_("Unit price"),
)
AMOUNT = Field(
    "amount",
    "amount",
    headers=(
        "金额", "未税金额", "不含税金额", "无税金额", "原币金额", "原币无税金额", "销售金额", "销售额", "销售收入",
        "货款", "net amount", "net", "untaxed amount", "subtotal", "amount excl tax", "net value", "line total",
        "sales amount", "revenue",
    ),
    title=N_("Net amount"),
)  # fmt: skip
TAX = Field(
    "tax",
    "amount",
    headers=("税额", "税金", "增值税额", "原币税额", "tax amount", "taxes", "vat", "vat amount"),
    title=N_("Tax"),
)
GROSS = Field(
    "gross",
    "amount",
    headers=(
        "价税合计",
        "含税金额",
        "原币价税合计",
        "含税合计",
        "gross amount",
        "total",
        "total amount",
        "amount incl tax",
        "grand total",
    ),
    title=N_("Amount with tax"),
)
TAX_RATE = Field(
    "tax_rate", headers=("税率", "增值税率", "tax rate", "vat rate"), title=N_("Tax rate"), max_length=16
)
COST = Field(
    "cost",
    "amount",
    headers=("成本", "成本金额", "销售成本", "成本额", "cost amount", "cogs", "cost of goods sold"),
    title=N_("Cost"),
)
CASH = Field("cash", "boolean", headers=("现销", "现金销售", "现结", "cash sale"), title=N_("Paid at once"))

_DRAFT = ("draft", "草稿", "暂存", "未审核", "待审核", "创建", "审核中", "quotation", "open")
_CANCELLED = ("cancelled", "canceled", "cancel", "void", "作废", "已作废", "已取消", "取消")
_POSTED = (
    "posted",
    "已审核",
    "审核",
    "已过账",
    "已过帐",
    "已记账",
    "已开票",
    "已完成",
    "完成",
    "done",
    "submitted",
    "paid",
)
_RELEASED = (
    "released",
    "已审核",
    "审核",
    "已下达",
    "执行中",
    "已确认",
    "confirmed",
    "sale",
    "sales order",
    "销售订单",
)
_STATE_HEADERS = ("状态", "单据状态", "审核状态", "status", "document status")


def _state(**words: tuple[str, ...]) -> Field:
    choices = {word: state for state, known in words.items() for word in known}
    return Field("state", "choice", headers=_STATE_HEADERS, choices=choices, title=N_("State"))


STATE = _state(draft=_DRAFT, posted=_POSTED, cancelled=_CANCELLED)
ORDER_STATE = _state(
    draft=_DRAFT,
    released=_RELEASED,
    delivered=("delivered", "已发货", "已出库", "全部出库"),
    invoiced=("invoiced", "已开票", "全部开票", "已完成", "完成", "done", "已关闭", "closed"),
    cancelled=_CANCELLED,
)
