"""Which columns each of the ledger's files has."""

from __future__ import annotations

from dataclasses import replace

from crmcore.api import N_, Field
from crmcore_trade_ledger.importers.fields import (
    AMOUNT,
    BILL_TO,
    CASH,
    COST,
    CURRENCY,
    CUSTOMER,
    DATE,
    DOCUMENT,
    DUE,
    GROSS,
    LINE,
    ORDER_STATE,
    PRICE,
    PRODUCT,
    QUANTITY,
    SHIP_TO,
    STATE,
    TAX,
    TAX_RATE,
    UNIT,
)


def _named(field: Field, *headers: str, **changes: object) -> Field:
    return replace(field, headers=(*headers, *field.headers), **changes)  # type: ignore[arg-type]


def _source(name: str, title: str, *headers: str) -> tuple[Field, Field]:
    """Return the columns that name the document, and its line, that a line was made from."""
    return (
        Field(name, "code", headers=headers, title=title, max_length=64),
        Field(
            f"{name}_line", "integer", headers=tuple(f"{h}行号" for h in headers[:2]), title=N_("its line")
        ),
    )


_ORDER = _source(
    "order",
    N_("Order"),
    "销售订单号",
    "订单号",
    "订单编号",
    "销售订单编号",
    "源订单号",
    "order no",
    "sales order",
    "source order",
)
_DELIVERY = _source(
    "delivery",
    N_("Delivery"),
    "出库单号",
    "发货单号",
    "出库单编号",
    "送货单号",
    "源出库单号",
    "delivery no",
    "delivery note",
)
_INVOICE = _source(
    "invoice",
    N_("Invoice"),
    "原发票号",
    "源发票号",
    "发票号",
    "发票编号",
    "invoice no",
    "invoice number",
    "reversal of",
)
_GOODS = (PRODUCT, QUANTITY, UNIT, PRICE, AMOUNT, TAX, GROSS, TAX_RATE)
_CLAIM = (CUSTOMER, BILL_TO, SHIP_TO)

PURCHASES = (
    CUSTOMER,
    _named(DATE, "销售日期", "开票日期", "发票日期", "出库日期", "order date", "invoice date", "sale date"),
    _named(AMOUNT, required=True, unless=("gross",)),
    _named(
        DOCUMENT,
        "发票号",
        "发票号码",
        "订单号",
        "订单编号",
        "出库单号",
        "invoice no",
        "invoice number",
        "order no",
        required=False,
    ),
    *(LINE, PRODUCT, QUANTITY, UNIT, COST, CURRENCY, TAX, GROSS, TAX_RATE),
)
ORDERS = (
    _named(
        DOCUMENT,
        "销售订单号",
        "订单号",
        "订单编号",
        "销售订单编号",
        "order no",
        "order number",
        "order reference",
        "sales order",
    ),
    LINE,
    _named(DATE, "订单日期", "下单日期", "order date"),
    _named(DUE, "交货日期", "要货日期", "预计交货日", "delivery date", "expected date", "commitment date"),
    *(*_CLAIM, ORDER_STATE, CURRENCY, *_GOODS),
)
DELIVERIES = (
    _named(DOCUMENT, "出库单号", "发货单号", "出库单编号", "送货单号", "delivery no", "delivery note"),
    LINE,
    _named(DATE, "出库日期", "发货日期", "送货日期", "delivery date", "shipped on"),
    *(*_CLAIM, STATE, CURRENCY, *_GOODS, COST, *_ORDER),
)
INVOICES = (
    _named(DOCUMENT, "发票号", "发票号码", "发票编号", "开票号", "invoice no", "invoice number", "invoice"),
    LINE,
    _named(DATE, "开票日期", "发票日期", "invoice date", "bill date"),
    *(DUE, *_CLAIM, STATE, CURRENCY, *_GOODS, COST, CASH, *_ORDER, *_DELIVERY),
)
RETURNS = (
    _named(DOCUMENT, "退货单号", "退货单编号", "红字发票号", "return no", "credit note", "credit note no"),
    LINE,
    _named(DATE, "退货日期", "return date", "credit date"),
    *(DUE, *_CLAIM, STATE, CURRENCY, *_GOODS, COST, *_INVOICE, *_DELIVERY),
)
PAYMENTS = (
    _named(
        DOCUMENT,
        "收款单号",
        "收款单编号",
        "收款编号",
        "流水号",
        "payment no",
        "payment number",
        "payment",
        "receipt no",
    ),
    _named(DATE, "收款日期", "到账日期", "payment date", "received on"),
    _named(CUSTOMER, "付款单位", "付款客户", "付款方", "payer"),
    Field(
        "amount",
        "amount",
        required=True,
        headers=(
            "收款金额",
            "实收金额",
            "到账金额",
            "金额",
            "payment amount",
            "amount received",
            "paid amount",
        ),
        title=N_("Amount received"),
    ),
    *(CURRENCY, STATE),
)
_KINDS = {
    "invoice": "invoice",
    "发票": "invoice",
    "应收单": "invoice",
    "return": "return",
    "退货单": "return",
    "credit note": "return",
}
_PAYERS = {"payment": "payment", "收款单": "payment", **_KINDS}
ALLOCATIONS = (
    Field(
        "payment",
        "code",
        required=True,
        headers=("收款单号", "收款单编号", "收款编号", "payment no", "payment number", "receipt no"),
        title=N_("Payment"),
        max_length=64,
    ),
    _named(
        DOCUMENT,
        "发票号",
        "发票号码",
        "应收单号",
        "核销单据",
        "invoice no",
        "invoice number",
        "invoice",
        title=N_("Settled document"),
    ),
    Field(
        "amount",
        "amount",
        required=True,
        headers=("核销金额", "本次核销金额", "本次核销", "金额", "allocated amount", "applied amount"),
        title=N_("Allocated amount"),
    ),
    replace(DATE, required=False, headers=("核销日期", "日期", "allocation date"), title=N_("Allocated on")),
    Field(
        "payment_kind", "choice", headers=("收款单类型",), choices=_PAYERS, title=N_("Kind of the payment")
    ),
    Field("document_kind", "choice", headers=("单据类型",), choices=_KINDS, title=N_("Kind of the document")),
)
PRODUCTS = (
    replace(
        PRODUCT,
        name="code",
        required=True,
        headers=(*PRODUCT.headers, "编码", "代码", "product_code"),
        title=N_("Code"),
    ),
    Field(
        "name",
        headers=("物料名称", "产品名称", "商品名称", "存货名称", "品名", "名称", "item name", "product name"),
        title=N_("Name"),
        max_length=200,
    ),
    Field(
        "model",
        headers=("规格型号", "型号", "规格", "specification", "model number", "part number"),
        title=N_("Model"),
        max_length=100,
    ),
    Field(
        "line",
        headers=(
            "产品线",
            "产品类别",
            "商品类别",
            "物料分组",
            "存货分类",
            "类别",
            "product line",
            "product category",
            "category",
            "item group",
        ),
        title=N_("Product line"),
        max_length=64,
    ),
    UNIT,
    CURRENCY,
    Field(
        "list_price",
        "amount",
        headers=(
            "标准售价",
            "参考售价",
            "零售价",
            "销售价格",
            "目录价",
            "售价",
            "sales price",
            "list price",
            "public price",
        ),
        title=N_("List price"),
    ),
    Field(
        "standard_cost",
        "amount",
        headers=("标准成本", "参考成本", "计划成本", "成本价", "standard price", "unit cost", "cost"),
        title=N_("Standard cost"),
    ),
    Field("attributes", headers=("属性",), title=N_("Attributes")),
)
