-- The web application says who is logged in: SET shop.customer = '17'.
ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_orders ON shop.orders FOR SELECT
    USING (customer_id = current_setting('shop.customer', true)::bigint);

ALTER TABLE shop.addresses ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_addresses ON shop.addresses
    USING (customer_id = current_setting('shop.customer', true)::bigint);
