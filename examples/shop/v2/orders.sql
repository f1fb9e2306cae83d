-- underpin: renamed-from shop.coupons
CREATE TABLE shop.vouchers (
    code text,
    percent smallint NOT NULL,
    expires_on date,
    CONSTRAINT vouchers_pkey PRIMARY KEY (code), -- underpin: renamed-from coupons_pkey
    CONSTRAINT vouchers_percent_check -- underpin: renamed-from coupons_percent_check
        CHECK (percent BETWEEN 1 AND 100)
);

CREATE TABLE shop.orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id bigint NOT NULL REFERENCES shop.customers,
    ship_to bigint REFERENCES shop.addresses,
    status shop.order_status NOT NULL DEFAULT 'new',
    voucher_code text, -- underpin: renamed-from coupon_code
    placed_at timestamptz NOT NULL DEFAULT now(),
    channel text NOT NULL DEFAULT 'web',
    CONSTRAINT orders_voucher_fkey -- underpin: renamed-from orders_coupon_code_fkey
        FOREIGN KEY (voucher_code) REFERENCES shop.vouchers
);
CREATE INDEX orders_by_customer ON shop.orders (customer_id);

CREATE TABLE shop.order_lines (
    order_id bigint NOT NULL REFERENCES shop.orders ON DELETE CASCADE,
    line_no smallint NOT NULL,
    product_id bigint NOT NULL REFERENCES shop.products,
    quantity integer NOT NULL,
    unit_price shop.money_amount NOT NULL,
    PRIMARY KEY (order_id, line_no)
);

CREATE TABLE shop.payments (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id bigint NOT NULL REFERENCES shop.orders,
    method shop.payment_method NOT NULL,
    amount shop.money_amount NOT NULL,
    received_at timestamptz
);

CREATE TABLE shop.shipments (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id bigint NOT NULL REFERENCES shop.orders,
    warehouse_id integer NOT NULL REFERENCES shop.warehouses,
    tracking_code varchar(40),
    sent_at timestamptz
);

CREATE TABLE shop.returns (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id bigint NOT NULL,
    line_no smallint NOT NULL,
    reason text NOT NULL DEFAULT 'unknown',
    received_at timestamptz,
    FOREIGN KEY (order_id, line_no) REFERENCES shop.order_lines
);
