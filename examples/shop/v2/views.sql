-- Files may come in any order: these views stand on tables and functions of other files.
CREATE VIEW shop.order_totals AS
SELECT o.id AS order_id,
       o.customer_id,
       o.status,
       o.channel,
       sum(l.quantity * l.unit_price) AS total
FROM shop.orders o
JOIN shop.order_lines l ON l.order_id = o.id
GROUP BY o.id;

CREATE VIEW shop.best_customers AS
SELECT c.id, c.name, shop.customer_value(c.id) AS value
FROM shop.customers c
WHERE shop.customer_value(c.id) > 0;

CREATE VIEW shop.low_stock AS
SELECT p.sku, p.title, w.code AS warehouse, s.quantity
FROM shop.stock_levels s
JOIN shop.products p ON p.id = s.product_id
JOIN shop.warehouses w ON w.id = s.warehouse_id
WHERE s.quantity < 5 AND p.is_active;
COMMENT ON VIEW shop.low_stock IS 'What has to be ordered this week';
